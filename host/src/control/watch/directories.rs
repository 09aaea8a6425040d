//! The directories whose events are a reason for a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use crate::folder;

/// The directories in which files stand that are followed.
///
/// Watching a file itself would follow its inode: after a rename over it, the watch hangs on the old content. The same goes for
/// a directory that is created again, so it is watched again when it isn't the one that it was.
pub struct Directories {
    /// `None` where the system has no watches to give; the poll then does all.
    watcher: Option<RecommendedWatcher>,
    /// Each directory once, whatever it is called: the system has one watch for it.
    watched: BTreeMap<Identity, PathBuf>,
    /// Paths that were removed or moved away since the last scan, files included.
    gone: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Directories {
    /// Calls `hint` on every event, from a thread of the watcher.
    #[must_use]
    pub fn new(hint: impl Fn() + Send + 'static) -> Self {
        let gone = Arc::<Mutex<BTreeSet<PathBuf>>>::default();
        let noted = Arc::clone(&gone);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            match event {
                Ok(event) if is_reading(event.kind) => return,
                Ok(event) if is_departure(event.kind) => noted.lock().extend(event.paths),
                // An error, such as lost events, is a reason for a scan, too.
                _ => {}
            }
            hint();
        });
        let watcher = watcher
            .map_err(|error| {
                tracing::warn!(
                    event = "file-events-failed", %error,
                    "no file events; files are polled"
                )
            })
            .ok();
        Self { watcher, watched: BTreeMap::new(), gone }
    }

    /// Watches the directories of these files, as they are named and where their symlinks lead.
    pub fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let wanted: Vec<PathBuf> = files.flat_map(directories).collect();
        // What is made while a directory above it is being watched is seen the second time, or makes an event.
        for _ in 0..2 {
            self.watch(wanted.iter().filter_map(|directory| nearest(directory)).collect());
        }
    }

    fn watch(&mut self, wanted: BTreeMap<Identity, PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        // A directory that is created again may well get the number of the one before. Events name it from the root on.
        let gone = std::mem::take(&mut *self.gone.lock());
        let is_gone =
            |directory: &Path| std::path::absolute(directory).is_ok_and(|path| gone.contains(&path));
        self.watched.retain(|identity, directory| {
            let stays = wanted.contains_key(identity) && !is_gone(directory);
            if !stays {
                // It may have been removed for good, and its watch with it.
                let _ = watcher.unwatch(directory);
            }
            stays
        });
        for (identity, directory) in wanted {
            if !self.watched.contains_key(&identity) && watch(watcher, &directory) {
                self.watched.insert(identity, directory);
            }
        }
    }
}

impl fmt::Debug for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directories").field("watched", &self.watched).finish_non_exhaustive()
    }
}

/// Whether an event is only an access, such as our own reading. The end of a write isn't.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// Whether something was removed or moved away.
fn is_departure(kind: EventKind) -> bool {
    matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
}

fn directories(file: &Path) -> Vec<PathBuf> {
    let named = file.parent().map(folder::named);
    let real = file.canonicalize().ok().and_then(|file| file.parent().map(PathBuf::from));
    named.map(PathBuf::from).into_iter().chain(real).collect()
}

/// The directory, or as long as it isn't there the nearest one above it, in which it may appear.
fn nearest(directory: &Path) -> Option<(Identity, PathBuf)> {
    directory.ancestors().find_map(|above| {
        let above = folder::named(above);
        let kind = above.metadata().ok().filter(std::fs::Metadata::is_dir)?;
        Some(((kind.dev(), kind.ino()), above.to_owned()))
    })
}

fn watch(watcher: &mut RecommendedWatcher, directory: &Path) -> bool {
    match watcher.watch(directory, RecursiveMode::NonRecursive) {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(
                event = "directory-watch-failed", directory = %directory.display(), %error,
                "not watched; the poll looks at it"
            );
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{self, Receiver};
    use std::time::Duration;

    use super::*;

    /// Nothing that is waited for takes this long unless it never comes.
    const DEADLINE: Duration = Duration::from_secs(60);

    fn watching() -> (Directories, Receiver<()>) {
        let (sender, hints) = mpsc::channel();
        let hint = move || {
            let _ = sender.send(());
        };
        (Directories::new(hint), hints)
    }

    /// Waits until events of what was done before have come.
    fn settle(hints: &Receiver<()>) {
        while hints.recv_timeout(Duration::from_millis(100)).is_ok() {}
    }

    /// After `change` there is a hint, and after a scan again one for a file that is written.
    fn is_followed_through(change: impl Fn(&Path), back: impl Fn(&Path)) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("above/folder");
        let file = folder.join("file");
        fs::create_dir_all(&folder).unwrap();
        let (mut directories, hints) = watching();
        let mut scan = || directories.follow([file.as_path()].into_iter());
        for _ in 0..2 {
            scan();
            settle(&hints);
            change(&folder);
            hints.recv_timeout(DEADLINE).expect("a hint that the folder has changed");
            scan();
            settle(&hints);
            back(&folder);
            // One step may follow from the other.
            while !folder.is_dir() {
                hints.recv_timeout(DEADLINE).expect("a hint that something has appeared");
            }
            scan();
            settle(&hints);
            fs::write(&file, "content").unwrap();
            hints.recv_timeout(DEADLINE).expect("a hint that the file has been written");
        }
    }

    #[test]
    fn a_folder_that_is_removed_and_created_again_is_watched_again() {
        is_followed_through(
            |folder| fs::remove_dir_all(folder).unwrap(),
            |folder| fs::create_dir(folder).unwrap(),
        );
        // So fast that there was no scan in between.
        let recreate = |folder: &Path| {
            fs::remove_dir_all(folder).unwrap();
            fs::create_dir(folder).unwrap();
        };
        is_followed_through(recreate, |_| {});
    }

    #[test]
    fn a_folder_whose_parent_is_removed_is_watched_again() {
        let remove = |folder: &Path| fs::remove_dir_all(folder.parent().unwrap()).unwrap();
        is_followed_through(remove, |folder| fs::create_dir_all(folder).unwrap());
    }

    #[test]
    fn a_folder_that_is_replaced_by_another_is_watched() {
        let replace = |folder: &Path| {
            let (old, new) = (folder.with_extension("old"), folder.with_extension("new"));
            let _ = fs::remove_dir_all(&old);
            fs::create_dir(&new).unwrap();
            fs::rename(folder, old).unwrap();
            fs::rename(new, folder).unwrap();
        };
        is_followed_through(replace, |_| {});
    }
}
