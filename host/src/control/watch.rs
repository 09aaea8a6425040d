//! Follows plugin files: whatever way a file changes, its final content is swapped in, once.
//!
//! Events are hints only. Editors rename, Kubernetes swaps a symlink two directories up, network file systems say
//! nothing at all; so any event in a watched directory leads to a look at every plugin once things have been quiet for
//! a moment, and so does a slow poll. What counts is the content.

mod directories;
mod followed;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::policy::{PolicyLoader, PolicySlot};

use directories::Directories;
use followed::Followed;

/// Files have been quiet for this long: whoever wrote them is done.
const QUIET: Duration = Duration::from_millis(200);
/// A file that never comes to rest is looked at this often all the same.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(2);
/// Without any event.
const POLL: Duration = Duration::from_secs(5);

/// A plugin file and the slot that it serves.
#[derive(Debug)]
pub struct Watched {
    /// The file as it is named, symlinks and all. It need not exist.
    pub path: PathBuf,
    /// Where its content goes.
    pub slot: Arc<PolicySlot>,
}

/// The thread that follows plugin files. It ends when this is dropped.
#[derive(Debug)]
pub struct PluginWatch {
    hints: Sender<Hint>,
    thread: Option<JoinHandle<()>>,
}

/// Why to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// Something happened in a directory.
    Event,
    /// Somebody asks.
    Asked,
    /// The loader couldn't make anything of a content that may still be growing.
    Again,
    End,
}

impl PluginWatch {
    /// Follows these files. The loader goes with the watch: nobody else swaps.
    ///
    /// # Errors
    ///
    /// No thread.
    pub fn start(watched: Vec<Watched>, loader: PolicyLoader) -> std::io::Result<Self> {
        let (hints, heard) = mpsc::channel();
        let directories = Directories::new({
            let hints = hints.clone();
            move || {
                let _ = hints.send(Hint::Event);
            }
        });
        let again = hints.clone();
        let thread = std::thread::Builder::new()
            .name("plugin-watch".into())
            .spawn(move || Watch::new(watched, loader, directories, again).run(&heard))?;
        Ok(Self { hints, thread: Some(thread) })
    }

    /// Looks at all files now.
    pub fn look(&self) {
        // The thread ends only with this.
        let _ = self.hints.send(Hint::Asked);
    }
}

impl Drop for PluginWatch {
    fn drop(&mut self) {
        let _ = self.hints.send(Hint::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watch {
    files: Vec<Followed>,
    loader: PolicyLoader,
    directories: Directories,
    again: Sender<Hint>,
}

impl Watch {
    fn new(
        watched: Vec<Watched>,
        loader: PolicyLoader,
        directories: Directories,
        again: Sender<Hint>,
    ) -> Self {
        let files = watched.into_iter().map(|watched| Followed::new(watched.path, watched.slot)).collect();
        Self { files, loader, directories, again }
    }

    fn run(&mut self, hints: &Receiver<Hint>) {
        self.look();
        while wait(hints) {
            self.look();
        }
    }

    fn look(&mut self) {
        // First the directories: what changes after this is heard of.
        self.directories.follow(self.files.iter().map(Followed::path));
        for file in &mut self.files {
            let again = self.again.clone();
            file.look(&self.loader, move || {
                let _ = again.send(Hint::Again);
            });
        }
    }
}

/// Waits until it is time for a look; false if there shall be no more.
fn wait(hints: &Receiver<Hint>) -> bool {
    match hints.recv_timeout(POLL) {
        Ok(Hint::End) | Err(RecvTimeoutError::Disconnected) => false,
        Ok(Hint::Asked) | Err(RecvTimeoutError::Timeout) => true,
        Ok(Hint::Event | Hint::Again) => wait_for_quiet(hints),
    }
}

fn wait_for_quiet(hints: &Receiver<Hint>) -> bool {
    let began = Instant::now();
    while let Some(left) = LONGEST_DEBOUNCE.checked_sub(began.elapsed()) {
        match hints.recv_timeout(QUIET.min(left)) {
            Ok(Hint::Event | Hint::Again) => {}
            Ok(Hint::Asked) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Hint::End) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}
