//! Which directories to hear of.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// The directories in which files stand that are followed.
///
/// Watching a file itself would follow its inode: after a rename over it, the watch hangs on the old content.
pub struct Directories {
    /// `None` where the system has no watches to give; the poll then does all.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Directories {
    /// Calls `hint` on every event, from a thread of the watcher.
    #[must_use]
    pub fn new(hint: impl Fn() + Send + 'static) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error, such as lost events, is a reason to look, too.
            if event.is_ok_and(|event| is_reading(event.kind)) {
                return;
            }
            hint();
        });
        let watcher =
            watcher.map_err(|error| tracing::warn!(%error, "no file events; files are polled")).ok();
        Self { watcher, watched: BTreeSet::new() }
    }

    /// Watches the directories of these files, as they are named and where their symlinks lead.
    pub fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeSet<PathBuf> = files.flat_map(directories).collect();
        for gone in self.watched.difference(&wanted) {
            // It may be gone for good, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        self.watched = wanted
            .into_iter()
            .filter(|directory| self.watched.contains(directory) || watch(watcher, directory))
            .collect();
    }
}

impl fmt::Debug for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directories").field("watched", &self.watched).finish_non_exhaustive()
    }
}

/// Our own look at a file is an event as well; only the end of a write counts among these.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn directories(file: &Path) -> Vec<PathBuf> {
    let named =
        file.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let real = file.canonicalize().ok().and_then(|file| file.parent().map(PathBuf::from));
    named.map(PathBuf::from).into_iter().chain(real).collect()
}

fn watch(watcher: &mut RecommendedWatcher, directory: &Path) -> bool {
    match watcher.watch(directory, RecursiveMode::NonRecursive) {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(directory = %directory.display(), %error, "not watched; the poll looks at it");
            false
        }
    }
}
