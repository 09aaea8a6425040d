//! Follows files: in whatever way one changes, its final content is taken, once. Plugin files and certificates are followed here; the
//! configuration file is followed by the control thread with the same means.
//!
//! Events are hints only. Editors rename, Kubernetes swaps a symlink two directories up, network file systems say
//! nothing at all; so any event in a watched directory leads to a scan of every file once things have been
//! quiet for a moment, and so does a slow poll. What counts is the content.

mod directories;
mod doubt;
mod followed;
mod hints;
mod policy_files;
mod renewal;
mod stamp;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

pub use directories::Directories;
use followed::Followed;
pub use followed::{OnFileServes, PluginFile};
pub use hints::{Hint, wait};
use pointsman_policy::PolicyLoader;
use policy_files::FollowedPolicy;
pub use policy_files::ServedTls;
pub use renewal::ServedCertificate;
use renewal::{FollowedCertificate, Scanned};
pub use stamp::FileStamp;

/// Everything that is followed.
#[derive(Debug, Default)]
pub struct Watched {
    /// Plugin files.
    pub plugins: Vec<PluginFile>,
    /// Certificates of listeners.
    pub certificates: Vec<ServedCertificate>,
    /// Listeners and pools with other files of TLS.
    pub policies: Vec<ServedTls>,
    /// Whether they are looked at only when that is asked for.
    pub only_when_asked: bool,
}

/// The thread that follows files. It ends when this is dropped.
#[derive(Debug)]
pub struct FileWatch {
    hints: Sender<Hint<Ask>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is asked for.
#[derive(Debug)]
enum Ask {
    Scan,
    Follow(Watched),
}

impl FileWatch {
    /// Follows these files. Besides them only operators swap policies, and nothing else certificates.
    ///
    /// # Errors
    ///
    /// No thread.
    pub fn start(
        watched: Watched,
        loader: Arc<PolicyLoader>,
        on_file_serves: OnFileServes,
    ) -> std::io::Result<Self> {
        let (hints, received) = mpsc::channel();
        let directories = Directories::new({
            let hints = hints.clone();
            move || {
                let _ = hints.send(Hint::Event);
            }
        });
        let again = Again { hints: hints.clone(), is_wanted: Arc::default() };
        let mut scanner = Scanner {
            plugins: Vec::new(),
            certificates: Vec::new(),
            policies: Vec::new(),
            only_when_asked: false,
            loader,
            on_file_serves,
            directories,
            again,
        };
        let thread = std::thread::Builder::new().name("file-watch".into()).spawn(move || {
            scanner.follow(watched);
            scanner.run(&received);
        })?;
        Ok(Self { hints, thread: Some(thread) })
    }

    /// Reads all files now.
    pub fn scan(&self) {
        // The thread ends only with this.
        let _ = self.hints.send(Hint::Asked(Ask::Scan));
    }

    /// Follows these files from now on. What was known of those that stay is still known.
    pub fn follow(&self, watched: Watched) {
        let _ = self.hints.send(Hint::Asked(Ask::Follow(watched)));
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let _ = self.hints.send(Hint::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Scanner {
    plugins: Vec<Followed>,
    certificates: Vec<FollowedCertificate>,
    policies: Vec<FollowedPolicy>,
    only_when_asked: bool,
    loader: Arc<PolicyLoader>,
    on_file_serves: OnFileServes,
    directories: Directories,
    again: Again,
}

/// Another look at files that may still be growing, or about to be replaced.
#[derive(Debug, Clone)]
struct Again {
    hints: Sender<Hint<Ask>>,
    is_wanted: Arc<AtomicBool>,
}

impl Again {
    fn look(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
        let _ = self.hints.send(Hint::Event);
    }
}

impl Scanner {
    fn run(&mut self, hints: &Receiver<Hint<Ask>>) {
        self.scan();
        while let Some(asked) = wait(hints) {
            let is_asked = self.again.is_wanted.swap(false, Ordering::Relaxed) || !asked.is_empty();
            for ask in asked {
                match ask {
                    Ask::Scan => {}
                    Ask::Follow(watched) => self.follow(watched),
                }
            }
            if is_asked || !self.only_when_asked {
                self.scan();
            }
        }
    }

    fn follow(&mut self, watched: Watched) {
        self.only_when_asked = watched.only_when_asked;
        let mut known = std::mem::take(&mut self.plugins);
        let mut followed = |file: PluginFile| {
            let place = known.iter().position(|known| known.is(&file.path, &file.slot));
            place.map_or_else(|| Followed::new(file), |place| known.swap_remove(place))
        };
        self.plugins = watched.plugins.into_iter().map(&mut followed).collect();
        let mut known = std::mem::take(&mut self.certificates);
        let mut followed = |served: ServedCertificate| {
            let place = known.iter().position(|known| known.is(&served));
            place.map_or_else(|| FollowedCertificate::new(served), |place| known.swap_remove(place))
        };
        self.certificates = watched.certificates.into_iter().map(&mut followed).collect();
        let mut known = std::mem::take(&mut self.policies);
        let mut followed = |served: ServedTls| {
            let place = known.iter().position(|known| known.is(&served));
            place.map_or_else(|| FollowedPolicy::new(served), |place| known.swap_remove(place))
        };
        self.policies = watched.policies.into_iter().map(&mut followed).collect();
    }

    fn scan(&mut self) {
        // The directories come first: what changes after this makes an event.
        let of_certificates = self.certificates.iter().flat_map(FollowedCertificate::paths);
        let of_policies = self.policies.iter().flat_map(FollowedPolicy::paths);
        let files = self.plugins.iter().map(Followed::path).chain(of_certificates).chain(of_policies);
        self.directories.follow(files.filter(|_| !self.only_when_asked));
        let (now, today) = (Instant::now(), SystemTime::now());
        for certificate in &mut self.certificates {
            if certificate.scan(now, today) == Scanned::InBetween {
                self.again.look();
            }
        }
        for policy in &mut self.policies {
            if policy.scan(now) == Scanned::InBetween {
                self.again.look();
            }
        }
        for file in &mut self.plugins {
            let again = self.again.clone();
            file.scan(&self.loader, &self.on_file_serves, move || again.look());
        }
    }
}
