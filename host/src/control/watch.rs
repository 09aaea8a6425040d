//! Follows files: in whatever way one changes, its final content is taken, once. Plugin files are followed here; the configuration
//! file is followed by the control thread with the same means.
//!
//! Events are hints only. Editors rename, Kubernetes swaps a symlink two directories up, network file systems say
//! nothing at all; so any event in a watched directory leads to a scan of every plugin file once things have been
//! quiet for a moment, and so does a slow poll. What counts is the content.

mod directories;
mod followed;
mod hints;
mod stamp;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

pub use directories::Directories;
use followed::Followed;
pub use hints::{Hint, wait};
use pointsman_policy::{PolicyLoader, PolicySlot};
pub use stamp::FileStamp;

/// A plugin file and the slot that its content goes to.
#[derive(Debug)]
pub struct PluginFile {
    /// The file as it is named, symlinks and all. It need not exist.
    pub path: PathBuf,
    /// The slot.
    pub slot: Arc<PolicySlot>,
}

/// The thread that follows plugin files. It ends when this is dropped.
#[derive(Debug)]
pub struct PluginWatch {
    hints: Sender<Hint<Ask>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is asked for.
#[derive(Debug)]
enum Ask {
    Scan,
    Follow(Vec<PluginFile>),
}

impl PluginWatch {
    /// Follows these files. Nothing else swaps policies.
    ///
    /// # Errors
    ///
    /// No thread.
    pub fn start(watched: Vec<PluginFile>, loader: Arc<PolicyLoader>) -> std::io::Result<Self> {
        let (hints, received) = mpsc::channel();
        let directories = Directories::new({
            let hints = hints.clone();
            move || {
                let _ = hints.send(Hint::Event);
            }
        });
        let again = hints.clone();
        let thread = std::thread::Builder::new()
            .name("plugin-watch".into())
            .spawn(move || PluginScanner::new(watched, loader, directories, again).run(&received))?;
        Ok(Self { hints, thread: Some(thread) })
    }

    /// Reads all files now.
    pub fn scan(&self) {
        // The thread ends only with this.
        let _ = self.hints.send(Hint::Asked(Ask::Scan));
    }

    /// Follows these files from now on. What was known of those that stay is still known.
    pub fn follow(&self, watched: Vec<PluginFile>) {
        let _ = self.hints.send(Hint::Asked(Ask::Follow(watched)));
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

struct PluginScanner {
    files: Vec<Followed>,
    loader: Arc<PolicyLoader>,
    directories: Directories,
    again: Sender<Hint<Ask>>,
}

impl PluginScanner {
    fn new(
        watched: Vec<PluginFile>,
        loader: Arc<PolicyLoader>,
        directories: Directories,
        again: Sender<Hint<Ask>>,
    ) -> Self {
        let mut scanner = Self { files: Vec::new(), loader, directories, again };
        scanner.follow(watched);
        scanner
    }

    fn run(&mut self, hints: &Receiver<Hint<Ask>>) {
        self.scan();
        while let Some(asked) = wait(hints) {
            for ask in asked {
                match ask {
                    Ask::Scan => {}
                    Ask::Follow(watched) => self.follow(watched),
                }
            }
            self.scan();
        }
    }

    fn follow(&mut self, watched: Vec<PluginFile>) {
        let mut known = std::mem::take(&mut self.files);
        let mut followed = |PluginFile { path, slot }| {
            let place = known.iter().position(|known| known.is(&path, &slot));
            place.map_or_else(|| Followed::new(path, slot), |place| known.swap_remove(place))
        };
        self.files = watched.into_iter().map(&mut followed).collect();
    }

    fn scan(&mut self) {
        // The directories come first: what changes after this makes an event.
        self.directories.follow(self.files.iter().map(Followed::path));
        for file in &mut self.files {
            let again = self.again.clone();
            file.scan(&self.loader, move || {
                // The file may still be growing.
                let _ = again.send(Hint::Event);
            });
        }
    }
}
