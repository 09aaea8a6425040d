//! How many files the process may have open, and how they are divided.
//!
//! Every connection is an open file. If clients could take them all, none would be left for backends, health checks and the
//! admin server.

use std::io;
use std::os::fd::AsRawFd;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files other than connections and listening sockets: standard streams, watched folders, plugin files that are read.
const FIXED: usize = 24;

/// Files of a worker's event loop.
const PER_WORKER: usize = 4;

/// The limit of open files of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles(usize);

impl OpenFiles {
    /// Raises the limit to what the system allows: the usual soft limit of 1024 is there for programs that use select(2).
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn raise_limit() -> io::Result<()> {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
        Ok(())
    }

    /// The current limit.
    #[must_use]
    pub fn of_process() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The limit to which [`raise_limit`](Self::raise_limit) would raise it.
    #[must_use]
    pub fn highest() -> Self {
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        Self(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The files that are open now; `None` if the system doesn't say. Takes a while if there are many.
    #[must_use]
    pub fn open_now() -> Option<usize> {
        Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
    }

    /// The number.
    #[must_use]
    pub fn limit(self) -> usize {
        self.0
    }

    /// Most connections to the admin server.
    #[must_use]
    pub fn for_admin(self) -> usize {
        (self.0 / 16).clamp(1, 64)
    }

    /// Most health checks at a time.
    #[must_use]
    pub fn for_health_checks(self) -> usize {
        (self.0 / 8).clamp(1, 1_024)
    }

    /// Most questions to DNS at a time.
    #[must_use]
    pub fn for_dns(self) -> usize {
        (self.0 / 16).clamp(1, 64)
    }

    /// Most connections of clients over all listeners: half of the files that are left, as each may need one to a backend.
    #[must_use]
    pub fn for_clients(self, workers: usize, listeners: usize) -> usize {
        self.0.saturating_sub(self.kept(workers, listeners)) / 2
    }

    /// The lowest limit with which each listener can have a client.
    #[must_use]
    pub fn least(workers: usize, listeners: usize) -> usize {
        (1..).find(|&limit| Self(limit).for_clients(workers, listeners) >= listeners).unwrap_or(usize::MAX)
    }

    /// Whether only those files are left that clients and their backends don't get.
    #[must_use]
    pub fn are_scarce(self) -> bool {
        // A new file has the lowest free number.
        match fcntl_dupfd_cloexec(io::stderr(), 0) {
            Ok(file) => {
                usize::try_from(file.as_raw_fd()).is_ok_and(|number| number >= self.0 - self.reserve())
            }
            Err(error) => matches!(error, Errno::MFILE | Errno::NFILE | Errno::INVAL),
        }
    }

    /// The limit of open files that this many connections of clients need.
    #[must_use]
    pub fn needed(self, clients: usize, workers: usize, listeners: usize) -> usize {
        // The reserve grows with the limit, so this takes its largest value.
        let largest = Self(usize::MAX);
        clients.saturating_mul(2).saturating_add(largest.kept(workers, listeners))
    }

    /// Files that clients and their backends don't get.
    fn kept(self, workers: usize, listeners: usize) -> usize {
        // A worker has its socket of each listener and may hold a connection that waits for room; the process keeps a
        // duplicate of each socket for its successor.
        let sockets = workers.saturating_mul(listeners).saturating_mul(3);
        let loops = workers.saturating_mul(PER_WORKER).saturating_add(FIXED);
        sockets + loops + self.reserve()
    }

    /// Files for connections of the control side, at most a quarter of all.
    fn reserve(self) -> usize {
        (self.for_admin() + self.for_health_checks() + self.for_dns()).min(self.0 / 4)
    }
}

/// Divides `available` connections among listeners: each gets as many as it wants if there are enough. Else those that want the most are
/// cut to equal parts of what the others leave; each gets at least one.
#[must_use]
pub fn divide(available: usize, wanted: &[usize]) -> Vec<usize> {
    let mut rising = wanted.to_vec();
    rising.sort_unstable();
    let (mut left, mut most) = (available, usize::MAX);
    for (served, &wanted) in rising.iter().enumerate() {
        let part = left / (rising.len() - served);
        if wanted > part {
            most = part.max(1);
            break;
        }
        left -= wanted;
    }
    wanted.iter().map(|&wanted| wanted.min(most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_half_of_what_is_not_kept_for_others() {
        for (limit, clients) in [(1 << 20, 523_693), (20_000, 9_405), (1_024, 365), (256, 77)] {
            let descriptors = OpenFiles(limit);
            assert_eq!(descriptors.for_clients(2, 1), clients, "of {limit}");
            let others = descriptors.for_admin() + descriptors.for_health_checks() + descriptors.for_dns();
            assert!(2 * clients + others < limit, "{limit}");
        }
        assert_eq!(OpenFiles(10).for_clients(2, 1), 0);
        let least = OpenFiles::least(2, 3);
        assert_eq!([least - 1, least].map(|limit| OpenFiles(limit).for_clients(2, 3) >= 3), [false, true]);
        let needed = OpenFiles(1_024).needed(10_000, 2, 1);
        assert!(OpenFiles(needed).for_clients(2, 1) >= 10_000);
    }

    #[test]
    fn only_large_listeners_are_cut_and_none_goes_without() {
        assert_eq!(divide(100, &[40, 60]), [40, 60]);
        assert_eq!(divide(100, &[10, 20]), [10, 20]);
        assert_eq!(divide(100, &[1_000, 3_000]), [50, 50]);
        assert_eq!(divide(9_405, &[10_000, 10, 10_000]), [4_697, 10, 4_697]);
        assert_eq!(divide(100, &[60, 1_000]), [50, 50]);
        assert_eq!(divide(3, &[1, 1_000_000]), [1, 2]);
        assert_eq!(divide(0, &[7]), [1]);
        assert!(divide(9, &[]).is_empty());
    }
}
