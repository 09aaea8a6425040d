//! The thread that reloads the configuration: one reload after the other, each one whole or not at all.

use std::fmt::{self, Debug, Display};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::config::{Config, ConfigErrors};
use crate::control::watch::{self, Directories, Hint, PluginWatch};
use crate::health::HealthMonitor;
use crate::listener::Inherited;
use crate::policy::{PolicyLoader, PolicySlot};

use super::changes::Changes;
use super::names::Names;
use super::policies;
use super::snapshot::Snapshot;
use super::sockets::Sockets;
use super::workers::Mail;

/// Faults of one configuration that are logged one by one.
const LOGGED_FAULTS: usize = 20;

/// What became of a reload.
#[derive(Debug, Clone, PartialEq)]
pub enum Reload {
    /// All workers serve with the configuration of this number.
    Done(u64),
    /// The file says what is served already.
    Unchanged,
    /// The file can't be served; the old configuration serves on.
    Refused(ConfigErrors),
}

impl Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(number) => write!(f, "configuration {number} serves"),
            Self::Unchanged => f.write_str("what the file says serves"),
            Self::Refused(_) => f.write_str("the file is refused; the configuration before it serves on"),
        }
    }
}

/// How it stands with the configuration.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationStatus {
    /// Counts the configurations of the process, from 1.
    pub number: u64,
    /// Whether the file can't be read again, as it isn't a regular one.
    pub read_once: bool,
    /// Why what is in the file now doesn't serve; `None` if it does.
    pub refused: Option<ConfigErrors>,
    /// How long running requests may take to finish when the process ends.
    pub drain_timeout: Duration,
    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    pub slots: Vec<Arc<PolicySlot>>,
}

/// What the thread has in common with the rest of the process.
#[derive(Debug, Default)]
pub(super) struct Shared {
    status: Mutex<ConfigurationStatus>,
    pub(super) sockets: Sockets,
}

impl Shared {
    pub(super) fn status(&self) -> MutexGuard<'_, ConfigurationStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a reload.
type Reply = oneshot::Sender<Reload>;

/// The way to the thread, which ends when this is dropped, after the reload that it is at.
#[derive(Debug)]
pub(super) struct Reconfigure(Sender<Hint<Reply>>);

impl Reconfigure {
    /// Asks for a reload, whether or not the file seems to have changed.
    pub(super) fn reload(&self, reply: Reply) {
        let _ = self.0.send(Hint::Asked(reply));
    }
}

impl Drop for Reconfigure {
    fn drop(&mut self) {
        let _ = self.0.send(Hint::End);
    }
}

/// What a reload works with.
pub(super) struct Reloader {
    pub(super) file: PathBuf,
    /// From the command line; they win over the file.
    pub(super) workers: Option<usize>,
    pub(super) snapshot: Snapshot,
    pub(super) mail: Mail,
    pub(super) loader: Arc<PolicyLoader>,
    pub(super) plugins: Arc<PluginWatch>,
    pub(super) health: HealthMonitor,
    pub(super) names: Names,
    pub(super) shared: Arc<Shared>,
}

/// The thread: when to reload, and whom to tell.
struct Watch {
    reloader: Reloader,
    /// The text that was last tried, whatever came of it; `None` if the file couldn't be read.
    tried: Option<String>,
    /// Plugin files of a configuration that was refused, and what they looked like: one of them may be what it takes.
    awaited: Vec<(PathBuf, Option<Stamp>)>,
    /// Looks in a row that found no readable file.
    unreadable: u32,
}

/// Device, inode, size and time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

impl Reloader {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<Reconfigure> {
        let (hints, heard) = mpsc::channel();
        let events = hints.clone();
        let mut watch = Watch { reloader: self, tried: None, awaited: Vec::new(), unreadable: 0 };
        std::thread::Builder::new().name("reconfigure".into()).spawn(move || {
            let directories = Directories::new(move || {
                let _ = events.send(Hint::Event);
            });
            watch.run(directories, &heard);
        })?;
        Ok(Reconfigure(hints))
    }

    /// Loads and binds what a configuration says, and publishes it; or leaves everything as it is.
    fn reload(&mut self, config: Config) -> Reload {
        let began = Instant::now();
        let Some(old) = self.snapshot.config() else { return Reload::Unchanged };
        let config = self.without_what_needs_a_restart(config, old);
        if config == *old {
            return Reload::Unchanged;
        }
        let workers = config.workers;
        let mut none = Inherited::default();
        let next = match self.snapshot.next(config, &self.file, &self.loader, None, workers, &mut none) {
            Ok(next) => next,
            Err(errors) => return Reload::Refused(errors),
        };
        let changes = Changes::between(old, next.config(), next.new_policies());
        let number = self.shared.status().number + 1;
        let bound = self.shared.sockets.addresses();
        // What may take long comes first: between the publication and the workers' message, workers hear nothing of their pools.
        self.names.prepare(next.config());
        let (snapshot, published) = next.publish(number, &self.shared.sockets);
        // Before a worker serves: what is new serves only if it may.
        self.health.update(snapshot.assignments());
        self.names.follow(&snapshot);
        self.mail.send(published);
        self.tell_listeners(&bound);
        self.plugins.follow(snapshot.watched());
        *self.shared.status() = snapshot.status(number);
        self.snapshot = snapshot;
        tracing::info!(configuration = number, %changes, took = ?began.elapsed(), "configuration reloaded");
        Reload::Done(number)
    }

    fn tell_listeners(&self, before: &[SocketAddr]) {
        let after = self.shared.sockets.addresses();
        for address in after.iter().filter(|address| !before.contains(address)) {
            tracing::info!(%address, "listening");
        }
        for address in before.iter().filter(|address| !after.contains(address)) {
            tracing::info!(%address, "listener closed; its connections finish what they are at");
        }
    }

    /// Warns of what can't change while the process runs, and leaves that as it is.
    fn without_what_needs_a_restart(&self, mut config: Config, old: &Config) -> Config {
        if self.workers.is_none() && config.workers != old.workers {
            warn_of_restart("workers", &old.workers, &config.workers);
        }
        if config.admin != old.admin {
            warn_of_restart("admin.address", &old.admin, &config.admin);
        }
        if config.state_dir != old.state_dir {
            warn_of_restart("state_dir", &old.state_dir, &config.state_dir);
        }
        config.workers = old.workers;
        config.state_dir.clone_from(&old.state_dir);
        config.admin = old.admin;
        config
    }
}

fn warn_of_restart(key: &str, runs: &dyn Debug, configured: &dyn Debug) {
    tracing::warn!(
        key,
        ?runs,
        ?configured,
        "takes effect at the next restart; the rest of the file applies now"
    );
}

impl Watch {
    fn run(&mut self, mut directories: Directories, heard: &Receiver<Hint<Reply>>) {
        // Slots that nobody is configured for any more. They are dropped here, not by the worker that serves the last
        // request with one of them.
        let mut retired: Vec<Arc<PolicySlot>> = Vec::new();
        // What the file says now may be later than what was read at the start.
        let mut asked: Option<Vec<Reply>> = Some(Vec::new());
        while let Some(replies) = asked {
            // First the directories: what changes after this is heard of.
            let awaited = self.awaited.iter().map(|(file, _)| file.as_path());
            let read_once = self.reloader.shared.status().read_once;
            let file = (!read_once).then_some(self.reloader.file.as_path());
            directories.follow(awaited.chain(file));
            let before = self.reloader.snapshot.slots();
            if let Some(reload) = self.look(!replies.is_empty()) {
                for reply in replies {
                    // Whoever asked may have lost interest.
                    let _ = reply.send(reload.clone());
                }
                let after = self.reloader.snapshot.slots();
                let gone = |slot: &Arc<PolicySlot>| !after.iter().any(|kept| Arc::ptr_eq(kept, slot));
                retired.extend(before.into_iter().filter(gone));
            }
            retired.retain(|slot| Arc::strong_count(slot) > 1);
            asked = watch::wait(heard);
        }
    }

    /// Reloads if there is a reason to: somebody asks, or there is something new to try.
    fn look(&mut self, asked: bool) -> Option<Reload> {
        if self.reloader.shared.status().read_once {
            if asked {
                let file = self.reloader.file.display();
                tracing::warn!(%file, "the configuration was read once; start anew to change it");
            }
            return asked.then_some(Reload::Unchanged);
        }
        let text = match Config::text(&self.reloader.file) {
            Ok(text) => text,
            Err(errors) => return self.miss(errors, asked),
        };
        self.unreadable = 0;
        let arrived = self.awaited.iter().any(|(file, before)| stamp(file) != *before);
        let same = self.tried.as_ref() == Some(&text);
        if same && !arrived && !asked {
            return None;
        }
        let config = Config::parse(&text, &self.reloader.file);
        // Before the reload reads them: what changes meanwhile is tried again.
        let named = config.as_ref().map(policies::files).unwrap_or_default().into_iter();
        let named = named.map(|file| (file.clone(), stamp(&file))).collect();
        let reload = config.map_or_else(Reload::Refused, |config| self.reloader.reload(config));
        self.tried = Some(text);
        self.awaited = if matches!(reload, Reload::Refused(_)) { named } else { Vec::new() };
        self.report(&reload, asked || !same);
        Some(reload)
    }

    /// The file can't be read. It may be on its way back.
    fn miss(&mut self, errors: ConfigErrors, asked: bool) -> Option<Reload> {
        self.unreadable = self.unreadable.saturating_add(1);
        if !asked && self.unreadable != 2 {
            return None;
        }
        self.tried = None;
        let reload = Reload::Refused(errors);
        self.report(&reload, asked);
        Some(reload)
    }

    /// Says what came of a reload; what was said of the same text already only if it is `worth_repeating`.
    fn report(&self, reload: &Reload, worth_repeating: bool) {
        let mut status = self.reloader.shared.status();
        match reload {
            Reload::Done(_) => {}
            Reload::Unchanged => {
                let was_refused = status.refused.take().is_some();
                if was_refused {
                    tracing::info!(configuration = status.number, "the file says again what is served");
                }
            }
            Reload::Refused(errors) => {
                if worth_repeating || status.refused.as_ref() != Some(errors) {
                    log(errors);
                }
                status.refused = Some(errors.clone());
            }
        }
    }
}

fn log(errors: &ConfigErrors) {
    for error in errors.iter().take(LOGGED_FAULTS) {
        tracing::error!("configuration refused: {error}");
    }
    let more = errors.iter().count().saturating_sub(LOGGED_FAULTS);
    tracing::error!(more, "the old configuration serves until the file is mended");
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec()))
}
