//! What the scheduler says of a thread.

use std::time::Duration;

use crate::reports::WorkerVitals;

/// What the scheduler says of a thread.
#[derive(Debug, Clone, Copy)]
pub struct ThreadTimes {
    /// CPU time.
    pub cpu: Duration,
    /// Time in which it could have run, and others had the CPU.
    pub waiting: Duration,
}

impl ThreadTimes {
    /// Of a worker's thread; `None` where the kernel keeps no account.
    #[must_use]
    pub fn of(worker: &WorkerVitals) -> Option<Self> {
        let path = format!("/proc/self/task/{}/schedstat", worker.thread()?);
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    /// What a `schedstat` says: both times in ns, and what isn't needed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_whitespace().map(str::parse::<u64>);
        let (cpu, waiting) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some(Self { cpu: Duration::from_nanos(cpu), waiting: Duration::from_nanos(waiting) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_are_read_in_their_order() {
        let times = ThreadTimes::parse("1500000 2500 77\n").unwrap();
        assert_eq!((times.cpu, times.waiting), (Duration::from_micros(1500), Duration::from_nanos(2500)));
        for text in ["", "5", "5 x 7", "-1 2 3"] {
            assert!(ThreadTimes::parse(text).is_none(), "{text}");
        }
    }
}
