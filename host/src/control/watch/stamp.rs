//! What a file's metadata shows of its content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file that changed this shortly before it was looked at may change again without another stamp.
const RECENT: Duration = Duration::from_secs(10);

/// Metadata that shows, without reading a file, that it is another one than before.
///
/// The time is that of the last change of the inode. The time of modification is whatever the last writer sets it to:
/// reproducible builds and package managers give all files the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: Option<SystemTime>,
}

impl FileStamp {
    /// The stamp of a file; `None` if there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            changed: changed(&metadata),
        })
    }

    /// Time since the last change of the inode; `None` if it is unknown or in the future.
    fn age(&self) -> Option<Duration> {
        self.changed?.elapsed().ok()
    }

    /// Whether the file changed so long ago that another change has another stamp.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.age().is_some_and(|age| age >= RECENT)
    }
}

/// `None` if it was before 1970.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let since = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}
