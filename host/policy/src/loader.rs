//! The control side: turns plugin files into versions that serve.
//!
//! Two threads, because a compilation takes long and a worker without an instance doesn't want to wait for it: the
//! [compiler] admits plugins (at low priority), the [keeper] builds instances, publishes them, replaces failed ones and
//! drops old ones. Every change of what a slot serves with goes through the keeper, one after the other.

mod circuit;
mod compilation;
mod compiler;
mod keeper;
mod probation;
mod reply;

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::admission::Refusal;
use super::bundled::bundled;
use super::cells::Cells;
use super::engine::GuestEngine;
use super::guest::Terms;
use super::picker::Picker;
use super::rng::Rng;
use super::settings::PolicySettings;
use super::slot::{PolicySlot, Quarantine};
use super::version::{Hooks, PolicyVersion, VersionId};

use compiler::Job;
pub(super) use keeper::Command;
use pointsman_core::clock::Clock;
use pointsman_core::pool::Pool;
use reply::Reply;

/// A plugin file's content and where it came from.
#[derive(Clone)]
pub struct Plugin {
    /// A path, or the name of a bundled policy: for logs.
    pub origin: Arc<str>,
    /// The whole file.
    pub content: Cow<'static, [u8]>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({}, {} bytes)", self.origin, self.content.len())
    }
}

impl Plugin {
    /// The bundled policy of this name, if there is one.
    #[must_use]
    pub fn bundled(name: &str) -> Option<Self> {
        let content = bundled(name)?;
        Some(Self { origin: format!("bundled {name}").into(), content: Cow::Borrowed(content) })
    }

    /// Whether it is part of this program.
    #[must_use]
    pub fn is_bundled(&self) -> bool {
        matches!(self.content, Cow::Borrowed(_))
    }

    /// The content of a file that has been read.
    #[must_use]
    pub fn file(path: &Path, content: Vec<u8>) -> Self {
        Self { origin: path.display().to_string().into(), content: Cow::Owned(content) }
    }
}

/// Loads, swaps and keeps the policies of all pools. Dropping it ends its threads; what serves goes on serving, but
/// instances that fail are no longer replaced.
#[derive(Debug)]
pub struct PolicyLoader {
    clock: Clock,
    next_terms: AtomicU64,
    jobs: Sender<Job>,
    commands: Sender<Command>,
    keeper: Option<JoinHandle<()>>,
}

/// A slot that has begun to serve, with a picker for each worker.
#[derive(Debug)]
pub struct Opened {
    /// For swaps and observation.
    pub slot: Arc<PolicySlot>,
    /// One per worker.
    pub pickers: Vec<Picker>,
}

/// What became of a swap.
#[derive(Debug, Clone)]
pub enum SwapOutcome {
    /// The new version is published; each worker adopts it at its next pick.
    Swapped(Swap),
    /// The content is what serves already.
    Unchanged(VersionId),
    /// The new version was refused; the old one keeps serving.
    Refused(Refusal),
}

/// A swap that took place.
#[derive(Debug, Clone, Copy)]
pub struct Swap {
    /// What served before.
    pub from: VersionId,
    /// What serves now.
    pub to: VersionId,
    /// How long the compilation took.
    pub compile_time: Duration,
    /// From the request to the publication.
    pub total_time: Duration,
    /// Mean time of a pick in the rehearsal.
    pub pick_time: Duration,
}

/// What happened to a version of a slot that is worth remembering over a restart.
#[derive(Debug, Clone)]
pub struct Milestone {
    /// The version.
    pub version: Arc<PolicyVersion>,
    /// Where it came from: a path, or the name of a bundled policy.
    pub origin: Arc<str>,
    /// What happened to it.
    pub event: Event,
}

/// What can happen to a version after it was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has come through its probation.
    Proven,
    /// It was taken back on probation.
    Quarantined(Quarantine),
}

/// What admission found out about a plugin.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    /// The version.
    pub id: VersionId,
    /// Bytes of the file.
    pub size: usize,
    /// Optional hooks.
    pub hooks: Hooks,
    /// How long the compilation took.
    pub compile_time: Duration,
    /// Mean time of a pick in the rehearsal.
    pub pick_time: Duration,
}

/// The loader could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This machine can't run compiled Wasm.
    #[error("no Wasm engine on this machine: {0}")]
    Engine(String),
    /// No thread.
    #[error("no thread for the policy loader: {0}")]
    Thread(#[from] std::io::Error),
}

impl PolicyLoader {
    /// Starts the loader's threads. `seed` decides all random numbers that policies draw.
    ///
    /// # Errors
    ///
    /// If the engine or a thread can't be had.
    pub fn start(clock: Clock, workers: NonZeroUsize, seed: u64) -> Result<Self, StartError> {
        Self::start_with(clock, workers, seed, |_, _| {})
    }

    /// The same, and `remember` is called with each milestone of a slot, on a thread of the loader; it must not wait.
    ///
    /// # Errors
    ///
    /// If the engine or a thread can't be had.
    pub fn start_with(
        clock: Clock,
        workers: NonZeroUsize,
        seed: u64,
        remember: impl FnMut(&PolicySlot, Milestone) + Send + 'static,
    ) -> Result<Self, StartError> {
        let engine = GuestEngine::start().map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let (commands, keeper) =
            keeper::start(engine.clone(), workers, Rng::fork(seed, "keeper", 0), Box::new(remember))?;
        let jobs = compiler::start(engine, commands.clone(), Rng::fork(seed, "compiler", 0))?;
        Ok(Self { clock, next_terms: AtomicU64::new(0), jobs, commands, keeper: Some(keeper) })
    }

    /// Opens a pool's slot with its first version. Waits until it serves: for startup.
    ///
    /// `cells` outlive the slot: who replaces a slot by another one for the same pool hands them on.
    ///
    /// # Errors
    ///
    /// Why the plugin can't serve.
    pub fn open(
        &self,
        pool: Arc<Pool>,
        settings: PolicySettings,
        cells: Arc<Cells>,
        plugin: Plugin,
    ) -> Result<Opened, Refusal> {
        let terms = self.terms(pool, settings, cells);
        let (reply, opened) = mpsc::channel();
        let _ = self.jobs.send(Job::Open { terms, plugin, reply });
        opened.recv().unwrap_or(Err(Refusal::Stopped))
    }

    /// Swaps a slot's version. `reply` is called exactly once, on a thread of the loader; it must not wait.
    ///
    /// The outcome is logged, except for incomplete files: whoever reads files knows whether it is going to try again.
    pub fn swap(
        &self,
        slot: &Arc<PolicySlot>,
        plugin: Plugin,
        reply: impl FnOnce(SwapOutcome) + Send + 'static,
    ) {
        let _ = self.jobs.send(Job::Swap { slot: Arc::clone(slot), plugin, reply: Reply::new(reply) });
    }

    /// Puts a plugin through admission on the terms of a pool, and leaves it at that.
    ///
    /// # Errors
    ///
    /// Why the plugin couldn't serve.
    pub fn check(
        &self,
        pool: Arc<Pool>,
        settings: PolicySettings,
        plugin: Plugin,
    ) -> Result<Checked, Refusal> {
        let terms = self.terms(pool, settings, Arc::default());
        let (reply, checked) = mpsc::channel();
        let _ = self.jobs.send(Job::Check { terms, plugin, reply });
        checked.recv().unwrap_or(Err(Refusal::Stopped))
    }

    fn terms(&self, pool: Arc<Pool>, settings: PolicySettings, cells: Arc<Cells>) -> Arc<Terms> {
        let id = self.next_terms.fetch_add(1, Ordering::Relaxed);
        Arc::new(Terms::new(id, pool, settings, cells, self.clock))
    }
}

impl Drop for PolicyLoader {
    fn drop(&mut self) {
        // The compiler ends with its sender, after the job it is at. That may take long, and nothing is lost with it.
        let _ = self.commands.send(Command::End);
        if let Some(keeper) = self.keeper.take() {
            // A panic there was reported by its hook.
            let _ = keeper.join();
        }
    }
}

#[cfg(test)]
mod tests;
