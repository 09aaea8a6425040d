//! Where an account and its certificates are kept, so that they outlast the process and other proxies find them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{regular_file, whole_file};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

const LOCK: &str = "lock";

/// Largest file that is read, bytes.
const FILE_BYTES: usize = 1 << 20;

/// A file that is made only to see whether there is room for one of so many bytes: more than an account, an order and a certificate have.
const ROOM: &str = "room";
const ROOM_BYTES: usize = 64 << 10;

/// The folder of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder(PathBuf);

/// The right to order and to write, until it is dropped. It ends with the process, too, however that ends.
#[derive(Debug)]
pub(super) struct OrderLock {
    _file: File,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Takes the lock; none if another process has it. What was left unfinished by one that had it is removed.
    pub(super) fn lock(&self) -> io::Result<Option<OrderLock>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(self.0.join(LOCK))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => {
                tracing::warn!(
                    event = "acme-lock-failed", folder = %self.0.display(),
                    "this file system has no locks: no other proxy may use the folder"
                );
            }
            Err(error) => return Err(error.into()),
        }
        whole_file::remove_unfinished(&self.0)?;
        Ok(Some(OrderLock { _file: file }))
    }

    /// Writes a file whole or not at all, for nobody else to read. It outlasts a loss of power.
    pub(super) fn write(&self, _lock: &OrderLock, name: &str, content: &[u8]) -> io::Result<()> {
        whole_file::replace(&self.0.join(name), content)?;
        // The name, too, has to outlast a loss of power.
        File::open(&self.0)?.sync_all()
    }

    /// Whether anything can be kept here: what is asked of an authority is in vain otherwise, and authorities count.
    pub(super) fn check_room(&self, lock: &OrderLock) -> io::Result<()> {
        self.write(lock, ROOM, &[0; ROOM_BYTES])?;
        self.remove(lock, ROOM)
    }

    pub(super) fn write_json(&self, lock: &OrderLock, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.write(lock, name, &serde_json::to_vec_pretty(value)?)
    }

    /// Removes a file, which may be gone already.
    pub(super) fn remove(&self, _lock: &OrderLock, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What a file holds; none if there is none. One that can't be read or understood counts as none, and is said.
    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.0.join(name);
        let read = regular_file::read(&path, FILE_BYTES);
        let parsed = read.and_then(|content| Ok(serde_json::from_slice(&content)?));
        match parsed {
            Ok(value) => Some(value),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                // What the parser quotes may be a part of a key.
                let error = match error.kind() {
                    ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                        "it isn't what was written there".to_owned()
                    }
                    _ => error.to_string(),
                };
                tracing::warn!(
                    event = "acme-file-unusable", file = %path.display(), error,
                    "goes on as if it weren't there"
                );
                None
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_at_a_time_writes_and_nobody_else_reads() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path().join("acme/one"));
        let lock = folder.lock().unwrap().expect("nobody has it");
        assert!(folder.lock().unwrap().is_none(), "one has it");
        folder.write(&lock, "a.pem", b"key").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&folder.path().join("a.pem"))), (0o700, 0o600));
        fs::write(folder.path().join(".unfinished-x"), "half a key").unwrap();
        drop(lock);
        let lock = folder.lock().unwrap().expect("it was given back");
        assert!(!folder.path().join(".unfinished-x").exists());
        folder.remove(&lock, "a.pem").unwrap();
        folder.remove(&lock, "a.pem").unwrap();
    }

    #[test]
    fn whether_there_is_room_is_seen_before_anything_is_asked_for() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path().join("acme"));
        let lock = folder.lock().unwrap().unwrap();
        folder.check_room(&lock).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the lock alone");
        fs::remove_dir_all(folder.path()).unwrap();
        folder.check_room(&lock).unwrap_err();
    }

    #[test]
    fn what_is_broken_counts_as_missing() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path().to_owned());
        let lock = folder.lock().unwrap().unwrap();
        assert_eq!(folder.read_json::<Vec<u8>>("x.json"), None);
        for broken in ["", "[1,", "{}", "\0\0\0"] {
            fs::write(folder.path().join("x.json"), broken).unwrap();
            assert_eq!(folder.read_json::<Vec<u8>>("x.json"), None, "{broken}");
        }
        folder.write_json(&lock, "x.json", &[1_u8, 2]).unwrap();
        assert_eq!(folder.read_json::<Vec<u8>>("x.json"), Some(vec![1, 2]));
    }
}
