//! The control side: turns plugin files into versions that serve.
//!
//! Two threads, because a compilation takes long and must not delay a worker's next instance: the [compiler] admits plugins (at
//! low priority), the [supervisor](Supervisor) builds instances, publishes them, replaces failed ones and drops old ones. Every
//! change of a slot's active version goes through it, one after the other.

mod compilation;
mod compiler;
mod supervising;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use pointsman_core::clock::Clock;
use pointsman_core::pool::Pool;

use crate::admission::{AdmissionReport, Refusal};
use crate::cells::Cells;
use crate::context::{ContextId, PolicyContext};
use crate::engine::GuestEngine;
use crate::imports;
use crate::plugin::Plugin;
use crate::probation::VersionEvent;
use crate::rng::Rng;
use crate::settings::PolicySettings;
use crate::slot::{PolicySlot, SlotEvents};
use crate::supervisor::{Opened, Supervisor};
use crate::swap::{Reply, SwapOutcome};

use compiler::Job;
use supervising::Command;

/// Loads, swaps and keeps the policies of all pools. Dropping it ends its threads; what serves goes on serving, but
/// instances that fail are no longer replaced.
#[derive(Debug)]
pub struct PolicyLoader {
    clock: Clock,
    next_context: AtomicU64,
    jobs: Sender<Job>,
    commands: Sender<Command>,
    supervisor: Option<JoinHandle<()>>,
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
    /// If there is no engine or no thread.
    pub fn start(clock: Clock, workers: NonZeroUsize, seed: u64) -> Result<Self, StartError> {
        Self::start_with(clock, workers, seed, |_, _| {})
    }

    /// The same, and `remember` is called with each [`VersionEvent`] of a slot, on a thread of the loader; it must not wait.
    ///
    /// # Errors
    ///
    /// If there is no engine or no thread.
    pub fn start_with(
        clock: Clock,
        workers: NonZeroUsize,
        seed: u64,
        remember: impl FnMut(&PolicySlot, VersionEvent) + Send + 'static,
    ) -> Result<Self, StartError> {
        let no_engine = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let engine = GuestEngine::start().map_err(no_engine)?;
        let linker = imports::linker(&engine.engine).map_err(no_engine)?;
        let (commands, received) = mpsc::channel();
        let events = SlotEvents::new({
            let commands = commands.clone();
            // Without a supervisor the process is ending: what is retired is dropped here, the rest is of no use.
            move |event| drop(commands.send(Command::Slot(event)))
        });
        let seeds = Rng::fork(seed, "supervisor", 0);
        let remember = Box::new(remember);
        let supervisor = Supervisor::new(engine.clone(), workers, seeds, clock, events, remember);
        let supervisor = supervising::start(supervisor, received)?;
        let jobs = compiler::start(engine, linker, commands.clone(), Rng::fork(seed, "compiler", 0))?;
        Ok(Self { clock, next_context: AtomicU64::new(0), jobs, commands, supervisor: Some(supervisor) })
    }

    /// Opens a pool's slot with its first version. Waits until it serves: for startup.
    ///
    /// `cells` outlive the slot: pass the same ones when a slot replaces another one of the pool.
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
        let context = self.context(pool, settings, cells);
        let (reply, opened) = mpsc::channel();
        let _ = self.jobs.send(Job::Open { context, plugin, reply });
        opened.recv().unwrap_or(Err(Refusal::Stopped))
    }

    /// Swaps a slot's version. `reply` is called exactly once, on a thread of the loader; it must not wait.
    ///
    /// The outcome is logged, except for incomplete files: only the caller knows whether it is going to read the file again.
    pub fn swap(
        &self,
        slot: &Arc<PolicySlot>,
        plugin: Plugin,
        reply: impl FnOnce(SwapOutcome) + Send + 'static,
    ) {
        let _ = self.jobs.send(Job::Swap { slot: Arc::clone(slot), plugin, reply: Reply::new(reply) });
    }

    /// Puts a plugin through admission in the context of a pool, without publishing it.
    ///
    /// # Errors
    ///
    /// Why the plugin couldn't serve.
    pub fn check(
        &self,
        pool: Arc<Pool>,
        settings: PolicySettings,
        plugin: Plugin,
    ) -> Result<AdmissionReport, Refusal> {
        let context = self.context(pool, settings, Arc::default());
        let (reply, checked) = mpsc::channel();
        let _ = self.jobs.send(Job::Check { context, plugin, reply });
        checked.recv().unwrap_or(Err(Refusal::Stopped))
    }

    fn context(&self, pool: Arc<Pool>, settings: PolicySettings, cells: Arc<Cells>) -> Arc<PolicyContext> {
        let id = ContextId(self.next_context.fetch_add(1, Ordering::Relaxed));
        Arc::new(PolicyContext::new(id, pool, settings, cells, self.clock))
    }
}

impl Drop for PolicyLoader {
    fn drop(&mut self) {
        // The compiler ends when its sender is dropped, after its current job. That may take long, so it isn't waited for.
        let _ = self.commands.send(Command::End);
        if let Some(supervisor) = self.supervisor.take() {
            // A panic there was reported by its hook.
            let _ = supervisor.join();
        }
    }
}

#[cfg(test)]
mod tests;
