//! What several simulated proxies have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pointsman_core::clock::{Clock, ClockHands, Moment};
use wasmtime::Linker;

use crate::admission::{self, Admitted, Refusal, Rehearsed};
use crate::context::PolicyContext;
use crate::engine::GuestEngine;
use crate::guest::GuestState;
use crate::imports;
use crate::plugin::Plugin;
use crate::version::{PolicyVersion, VersionId};

/// A simulation can't begin.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// This machine can't run compiled Wasm.
    #[error("no Wasm engine on this machine: {0}")]
    Engine(String),
    /// The plugin can't serve.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A clock that stands still unless it is set, and an engine that counts instructions in the place of time.
///
/// All proxies of one testbed live at the same time, and share the versions that one of them has compiled.
pub struct Testbed {
    pub(super) workshop: Arc<Workshop>,
    clock: Clock,
    hands: ClockHands,
    hash_seed: u64,
}

/// What admits plugins.
pub(super) struct Workshop {
    pub(super) engine: GuestEngine,
    linker: Linker<GuestState>,
    versions: Mutex<HashMap<VersionId, Arc<PolicyVersion>>>,
    rehearsed: Mutex<HashMap<(VersionId, Box<str>), Rehearsed>>,
}

impl Testbed {
    /// A testbed whose clock is at moment 0.
    ///
    /// # Errors
    ///
    /// If this machine can't run compiled Wasm.
    pub fn new() -> Result<Self, SimulationError> {
        Self::of(GuestEngine::deterministic())
    }

    /// A testbed with the proxy's own engine, in which calls take as long as there, and deadlines are CPU time.
    ///
    /// # Errors
    ///
    /// If this machine can't run compiled Wasm.
    pub fn timed() -> Result<Self, SimulationError> {
        Self::of(GuestEngine::start())
    }

    fn of(engine: wasmtime::Result<GuestEngine>) -> Result<Self, SimulationError> {
        let no_engine = |error: wasmtime::Error| SimulationError::Engine(format!("{error:#}"));
        let engine = engine.map_err(no_engine)?;
        let linker = imports::linker(&engine.engine).map_err(no_engine)?;
        let (clock, hands) = Clock::manual();
        let workshop =
            Arc::new(Workshop { engine, linker, versions: Mutex::default(), rehearsed: Mutex::default() });
        Ok(Self { workshop, clock, hands, hash_seed: 0 })
    }

    /// Another testbed with a clock at moment 0, which has the versions that were compiled in this one.
    #[must_use]
    pub fn another(&self) -> Self {
        let (clock, hands) = Clock::manual();
        Self { workshop: Arc::clone(&self.workshop), clock, hands, hash_seed: self.hash_seed }
    }

    /// The same with this `hash_seed` of its pools: proxies with the same one agree on where keys belong. 0, as in the configuration.
    #[must_use]
    pub fn with_hash_seed(self, hash_seed: u64) -> Self {
        Self { hash_seed, ..self }
    }

    pub(super) fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Sets the clock; never back. What is due at the proxies happens when they are woken.
    pub fn set(&self, moment: Moment) {
        self.hands.set(moment);
    }

    pub(super) fn clock(&self) -> (Clock, ClockHands) {
        (self.clock, self.hands)
    }
}

impl Workshop {
    /// Puts a plugin through admission on the calling thread. A content is compiled once, and rehearsed once with each configuration.
    pub(super) fn admit(
        &self,
        context: &Arc<PolicyContext>,
        plugin: Plugin,
        seed: u64,
    ) -> Result<Admitted, Refusal> {
        let started = Instant::now();
        let Plugin { origin, content } = plugin;
        let id = VersionId::of(&content);
        let known = lock(&self.versions).get(&id).map(Arc::clone);
        let version = match known {
            Some(version) => version,
            None => {
                let scratch = GuestState::new(Arc::clone(context), String::new(), context.pool.topology(), 0);
                let version = Arc::new(admission::compile(&self.linker, scratch, id, content)?);
                lock(&self.versions).insert(id, Arc::clone(&version));
                version
            }
        };
        let key = (id, context.settings.config.clone());
        let known = lock(&self.rehearsed).get(&key).copied();
        let rehearsed = match known {
            Some(rehearsed) => rehearsed,
            None => {
                let rehearsed = admission::rehearse(&self.engine, &version, context, seed)?;
                lock(&self.rehearsed).insert(key, rehearsed);
                rehearsed
            }
        };
        Ok(Admitted { version, origin, rehearsed, started })
    }
}

/// A panic can't leave half a value: what is there was inserted whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
