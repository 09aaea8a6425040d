//! Keeps `state_dir` to one proxy.
//!
//! A lock of the open file (`flock`), so that it ends with the process however that ends. A process that takes over is handed
//! the same open file, and with it the same lock: for a while both hold it, and only the new one writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, OFlags, flock, fstat};
use rustix::io::Errno;

const LOCK: &str = "lock";

/// The right to write into a directory, until it is released or the last clone is dropped.
#[derive(Debug, Clone)]
pub struct StateLock(Arc<Mutex<Option<OwnedFd>>>);

/// The directory can't be locked.
#[derive(Debug, thiserror::Error)]
pub enum StateLockError {
    /// Another proxy has it.
    #[error(
        "{} is used by {}; give each proxy a directory of its own",
        directory.display(),
        holder.as_ref().map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The id of that process, if it is known.
        holder: Option<u32>,
    },
    /// The file that is locked can't be made or opened.
    #[error("cannot open {}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StateLock {
    /// Takes the lock, or keeps the one that was handed over if it is for this directory.
    ///
    /// # Errors
    ///
    /// Another process has it, or there is no file to lock.
    pub fn take(directory: &Path, handed_over: Option<OwnedFd>) -> Result<Self, StateLockError> {
        let path = directory.join(LOCK);
        let unusable = |source| StateLockError::Unusable { path: path.clone(), source };
        let mut file = open(&path).map_err(unusable)?;
        let held = handed_over.filter(|lock| is_same(lock, &file));
        let held = match held {
            Some(lock) => lock,
            None => {
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => {}
                    Err(Errno::WOULDBLOCK) => {
                        let (directory, holder) = (directory.into(), holder(&mut file));
                        return Err(StateLockError::InUse { directory, holder });
                    }
                    // Some network file systems have none.
                    Err(error) => {
                        tracing::warn!(
                            event = "state-lock-failed", path = %path.display(), %error,
                            "cannot lock it; no other proxy may use it"
                        );
                    }
                }
                file.try_clone().map_err(unusable)?.into()
            }
        };
        // Only for others to read: on a full disk the lock holds all the same.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(Arc::new(Mutex::new(Some(held)))))
    }

    /// The open file that is locked, for a process that takes over. `None` once it is released.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub fn duplicate(&self) -> io::Result<Option<OwnedFd>> {
        self.0.lock().as_ref().map(OwnedFd::try_clone).transpose()
    }

    /// Whether this process may still write.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Lets others have it. A process that was handed the same file keeps it.
    pub fn release(&self) {
        *self.0.lock() = None;
    }
}

/// Opens the file that is locked, which is made if it isn't there. Others may have put something else in its place.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

fn is_same(one: impl AsFd, other: impl AsFd) -> bool {
    let (one, other) = (fstat(one), fstat(other));
    one.is_ok_and(|one| other.is_ok_and(|other| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)))
}

/// The id of the process that has the lock. It writes it into the file shortly after taking the lock.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_until_it_is_released_and_a_duplicate_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let take = |handed_over| StateLock::take(folder.path(), handed_over);
        let first = take(None).unwrap();
        let error = take(None).unwrap_err().to_string();
        assert!(error.contains(&format!("used by process {}", std::process::id())), "{error}");
        let second = take(first.duplicate().unwrap()).unwrap();
        first.release();
        assert!(!first.is_held() && second.is_held());
        assert!(matches!(take(None), Err(StateLockError::InUse { .. })), "the second one has it still");
        drop(second);
        let third = take(None).unwrap();
        // A lock of another directory is none for this one.
        let elsewhere = tempfile::tempdir().unwrap();
        let other = StateLock::take(elsewhere.path(), None).unwrap();
        assert!(take(other.duplicate().unwrap()).is_err());
        drop(third);
        assert!(take(other.duplicate().unwrap()).is_ok());
    }

    #[test]
    fn something_else_in_its_place_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join(LOCK)).unwrap();
        assert!(matches!(StateLock::take(folder.path(), None), Err(StateLockError::Unusable { .. })));
    }
}
