//! The control thread `reconfigure`: it makes one change after the other, each one whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use pointsman_policy::PolicySlot;

use crate::config::{Config, ConfigErrors};
use crate::control::change::{Change, ChangeQueue, Reload};
use crate::control::watch::{self, Directories, FileStamp, Hint};

use super::answers;
use super::backend_tls;
use super::certificates;
use super::policies;
use super::reload::Reloader;

/// Faults of one configuration that are logged one by one.
const LOGGED_FAULTS: usize = 20;

/// The running thread. It ends when this is dropped, after the change that it is making.
#[derive(Debug)]
pub(super) struct Reconfigure(ChangeQueue);

impl Reconfigure {
    /// Starts the thread.
    pub(super) fn start(reloader: Reloader) -> std::io::Result<Self> {
        let (hints, received) = mpsc::channel();
        let events = hints.clone();
        let mut control =
            Control { reloader, tried: None, awaited: Vec::new(), answers: Vec::new(), unreadable: 0 };
        std::thread::Builder::new().name("reconfigure".into()).spawn(move || {
            let directories = Directories::new(move || {
                let _ = events.send(Hint::Event);
            });
            control.run(directories, &received);
        })?;
        Ok(Self(ChangeQueue::new(hints)))
    }

    /// Where changes are asked for.
    pub(super) fn changes(&self) -> &ChangeQueue {
        &self.0
    }
}

impl Drop for Reconfigure {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The thread's state: what has been tried of the configuration file.
struct Control {
    reloader: Reloader,
    /// The text that was last tried, whatever came of it; `None` if the file couldn't be read.
    tried: Option<String>,
    /// Files that a refused configuration names, with their stamps: when one of them changes, the configuration is tried again.
    awaited: Vec<(PathBuf, Option<FileStamp>)>,
    /// Files of answers of the running configuration, with the stamps that they had when they were last looked at.
    answers: Vec<(PathBuf, Option<FileStamp>)>,
    /// Scans in a row that found no readable file.
    unreadable: u32,
}

/// Why the configuration file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    /// A change of it, or of a file that it names, may have been seen.
    Scan,
    /// A reload was asked for.
    Asked,
}

impl Control {
    fn run(&mut self, mut directories: Directories, received: &Receiver<Hint<Change>>) {
        // Slots that no configuration uses any more. They are dropped here, not by the worker that serves the last request
        // with one of them.
        let mut retired: Vec<Arc<PolicySlot>> = Vec::new();
        // The first turn asks for nothing: the file may have changed since it was read at the start.
        let mut asked = Some(Vec::new());
        while let Some(changes) = asked {
            // The directories come first: what changes after this makes an event.
            self.follow_answers();
            let watches = self.reloader.snapshot.config().is_none_or(|config| config.watch);
            self.follow(&mut directories, watches);
            let before = self.reloader.snapshot.slots();
            if changes.is_empty() && watches {
                self.scan(Trigger::Scan);
            }
            for change in changes {
                self.make(change);
            }
            let after = self.reloader.snapshot.slots();
            let gone = |slot: &Arc<PolicySlot>| !after.iter().any(|kept| Arc::ptr_eq(kept, slot));
            retired.extend(before.into_iter().filter(gone));
            retired.retain(|slot| Arc::strong_count(slot) > 1);
            asked = watch::wait(received);
        }
    }

    /// Makes a change and answers it.
    fn make(&mut self, change: Change) {
        match change {
            Change::Reload(reply) => {
                // What is followed is read as well: it may be followed only when that is asked for.
                self.reloader.files.scan();
                reply.send(self.scan(Trigger::Asked).unwrap_or(Reload::Unchanged));
            }
            Change::Override { name, patch, by, reply } => {
                reply.send(self.reloader.override_backend(&name, patch, &by));
            }
            Change::ClearOverrides { by, reply } => self.reloader.clear_overrides(by, reply),
            Change::Policy { place, action, by, reply } => {
                self.reloader.change_policy(place, action, by, reply);
            }
        }
    }

    fn follow(&self, directories: &mut Directories, watches: bool) {
        let awaited = self.awaited.iter().chain(&self.answers).map(|(file, _)| file.as_path());
        let file = (!self.is_read_once()).then_some(self.reloader.file.as_path());
        directories.follow(awaited.chain(file).filter(|_| watches));
    }

    /// Looks at the files of the running configuration's answers from now on.
    fn follow_answers(&mut self) {
        let config = self.reloader.snapshot.config();
        let files: Vec<PathBuf> =
            config.into_iter().flat_map(answers::files).map(Path::to_path_buf).collect();
        let mut known = std::mem::take(&mut self.answers);
        let mut stamp = |file: PathBuf| {
            let place = known.iter().position(|(known, _)| *known == file);
            place.map_or_else(|| (file, None), |place| known.swap_remove(place))
        };
        self.answers = files.into_iter().map(&mut stamp).collect();
    }

    /// Whether a file of an answer says something else by now.
    fn has_changed_answers(&mut self) -> bool {
        let mut may_differ = false;
        for (file, before) in &mut self.answers {
            let now = FileStamp::of(file);
            // What has changed just now may change again without another stamp.
            may_differ |= now != *before || now.as_ref().is_some_and(|stamp| !stamp.is_settled());
            *before = now;
        }
        may_differ && self.reloader.snapshot.has_changed_answers()
    }

    fn is_read_once(&self) -> bool {
        self.reloader.shared.configuration.borrow().file.read_once
    }

    /// Reads the file, and reloads if that was asked for or there is something new to try; `None` if neither.
    fn scan(&mut self, trigger: Trigger) -> Option<Reload> {
        let asked = trigger == Trigger::Asked;
        if self.is_read_once() {
            if asked {
                let file = self.reloader.file.display();
                tracing::warn!(
                    event = "reload-ignored", %file,
                    "the configuration was read once; start anew to change it"
                );
            }
            return asked.then_some(Reload::Unchanged);
        }
        let text = match Config::text(&self.reloader.file) {
            Ok(text) => text,
            Err(errors) => return self.unreadable(errors, trigger),
        };
        self.unreadable = 0;
        let arrived = self.awaited.iter().any(|(file, before)| FileStamp::of(file) != *before);
        let same = self.tried.as_ref() == Some(&text);
        if !self.has_changed_answers() && same && !arrived && !asked {
            return None;
        }
        let config = Config::parse(&text, &self.reloader.file);
        // Stamped before the reload reads them, so that a change in the meantime is tried again.
        let named = config.iter().flat_map(|config| {
            let of_tls = certificates::files(config).chain(backend_tls::files(config));
            let of_answers = answers::files(config).map(Path::to_path_buf);
            policies::files(config).into_iter().chain(of_tls).chain(of_answers)
        });
        let named = named
            .map(|file| {
                let stamp = FileStamp::of(&file);
                (file, stamp)
            })
            .collect();
        let reload = config.map_or_else(Reload::Refused, |config| self.reloader.reload(config));
        self.tried = Some(text);
        self.awaited = if matches!(reload, Reload::Refused(_)) { named } else { Vec::new() };
        self.report(&reload, asked || !same);
        if asked && matches!(reload, Reload::Unchanged) {
            tracing::info!(
                event = "configuration-unchanged",
                "what the configuration file says serves already"
            );
        }
        Some(reload)
    }

    /// The file can't be read. One scan without it is ignored: it may be replaced by deleting it first.
    fn unreadable(&mut self, errors: ConfigErrors, trigger: Trigger) -> Option<Reload> {
        let asked = trigger == Trigger::Asked;
        self.unreadable = self.unreadable.saturating_add(1);
        if !asked && self.unreadable != 2 {
            return None;
        }
        self.tried = None;
        let reload = Reload::Refused(errors);
        self.report(&reload, asked);
        Some(reload)
    }

    /// Logs what became of a reload and publishes it. A refusal that was logged before is logged again only if it is
    /// `worth_repeating`.
    fn report(&self, reload: &Reload, worth_repeating: bool) {
        let configuration = &self.reloader.shared.configuration;
        let now = self.reloader.names.clock().now();
        configuration.send_modify(|status| status.file.reloads.count(reload, now));
        match reload {
            Reload::Done(_) => {}
            Reload::Unchanged => {
                if configuration.borrow().refused.is_some() {
                    configuration.send_modify(|status| status.refused = None);
                    let generation = configuration.borrow().generation;
                    tracing::info!(
                        event = "configuration-restored",
                        configuration = generation.0,
                        "configuration file matches the running configuration again"
                    );
                }
            }
            Reload::Refused(errors) => {
                if worth_repeating || configuration.borrow().refused.as_ref() != Some(errors) {
                    log(errors);
                }
                configuration.send_modify(|status| status.refused = Some(errors.clone()));
            }
        }
    }
}

fn log(errors: &ConfigErrors) {
    for error in errors.iter().take(LOGGED_FAULTS) {
        tracing::error!(event = "configuration-refused", "configuration refused: {error}");
    }
    let more = errors.iter().count().saturating_sub(LOGGED_FAULTS);
    tracing::error!(
        event = "configuration-kept",
        more,
        "the old configuration serves until the file is mended"
    );
}
