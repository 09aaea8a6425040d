//! One running guest: its store and the hooks that may be called.
//!
//! A guest that has failed in a call is in an unknown state: no destructor ran, its locks are still held. It must not be called
//! again. So its hooks are private to this module, and [`WorkerInstance`] calls them: it gives up an instance that fails.

mod worker_instance;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::printable::Printable;
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;
use pointsman_sdk::abi::{export, runtime_export};
use wasmtime::{Store, TypedFunc, WasmParams, WasmResults};

use crate::context::PolicyContext;
use crate::engine::{self, GuestEngine, Meter};
use crate::fault::{Fault, FaultKind};
use crate::guest::{Call, CallCost, GuestState, with_request_scope};
use crate::version::PolicyVersion;

pub(super) use worker_instance::{FailedCall, Retired, WorkerInstance};

/// `init` doesn't run on a worker, and may have tables to build: it gets this many deadlines.
const INIT_DEADLINES: u32 = 10;

/// `topology` runs on a worker, but rarely, and may have the same tables to build: it gets this many. What takes one
/// deadline for a thousand backends on one machine would fail on the next one.
const TOPOLOGY_DEADLINES: u32 = 4;

/// A guest that is ready for a worker.
pub(super) struct Instance {
    guest: Guest,
    hooks: Hooks,
    version: Arc<PolicyVersion>,
}

/// What a guest exports, with its types.
struct Hooks {
    pick: TypedFunc<(), i64>,
    topology: Option<TypedFunc<(), ()>>,
    observe: Option<TypedFunc<Observation, ()>>,
    tick: Option<TypedFunc<(), ()>>,
}

/// Arguments of the `observe` hook: backend, status, outcome, time to the head and to the end in µs.
pub(super) type Observation = (i32, i32, i32, i64, i64);

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// The guest doesn't want to run with this configuration or pool; its own words.
    #[error("{0}")]
    Refused(Printable),
    /// The guest failed before it was ready.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl BuildError {
    /// Whether the guest used up its CPU time.
    pub(super) fn is_deadline(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.kind == FaultKind::Deadline)
    }
}

impl Instance {
    /// Instantiates a version and runs its `init`, with `slack` times the CPU time that the settings give it.
    pub(super) fn build(
        engine: &GuestEngine,
        version: &Arc<PolicyVersion>,
        context: &Arc<PolicyContext>,
        (topology, seed): (Arc<Topology>, u64),
        slack: u32,
    ) -> Result<Self, BuildError> {
        engine::assert_no_worker();
        let deadline = context.settings.deadline;
        let state = GuestState::new(Arc::clone(context), version.id.to_string(), topology, seed);
        let mut guest = Guest::new(engine, state);
        guest.state().watch.set_deadline(deadline.saturating_mul(INIT_DEADLINES * slack));
        let (hooks, answer) = guest.run(Call::Init, |store| start(store, version))?;
        if answer != 0 {
            let reason = guest.state().report.refusal.take();
            return Err(BuildError::Refused(reason.unwrap_or_else(|| {
                format!("`{}` answered {answer} and gave no reason", export::INIT).into()
            })));
        }
        if version.uses_cells {
            // Looked up here and not in the first pick.
            guest.state().cells();
        }
        guest.state().watch.set_deadline(deadline);
        Ok(Self { guest, hooks, version: Arc::clone(version) })
    }

    /// The version that runs here.
    pub(super) fn version(&self) -> &Arc<PolicyVersion> {
        &self.version
    }

    /// The topology that the guest knows.
    pub(super) fn known_topology(&self) -> &Arc<Topology> {
        &self.guest.store.data().topology
    }

    /// Interval that the guest has asked ticks for; `None` if it wants none.
    pub(super) fn tick_every(&self) -> Option<Duration> {
        let asked = self.guest.store.data().report.tick_every;
        asked.filter(|_| self.hooks.tick.is_some())
    }

    /// What the last call has cost.
    pub(super) fn last_call(&self) -> CallCost {
        self.guest.store.data().watch.last
    }

    /// Linear memory of the guest, bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let store = &self.guest.store;
        store.data().memory.map_or(0, |memory| memory.data_size(store))
    }

    #[cfg(test)]
    fn memory(&self) -> Vec<u8> {
        let store = &self.guest.store;
        store.data().memory.map_or_else(Vec::new, |memory| memory.data(store).to_vec())
    }

    /// The guest's verdict, unchecked.
    fn pick(&mut self, head: &RequestHead) -> Result<i64, Fault> {
        with_request_scope(Some(head), || self.guest.call(Call::Pick, &self.hooks.pick, ()))
    }

    fn topology(&mut self, topology: Arc<Topology>) -> Result<(), Fault> {
        self.guest.state().set_topology(topology);
        let Some(hook) = &self.hooks.topology else { return Ok(()) };
        let deadline = self.guest.state().context.settings.deadline;
        self.guest.state().watch.set_deadline(deadline.saturating_mul(TOPOLOGY_DEADLINES));
        let result = self.guest.call(Call::Topology, hook, ());
        self.guest.state().watch.set_deadline(deadline);
        result
    }

    fn observe(&mut self, observation: Observation, head: Option<&RequestHead>) -> Result<(), Fault> {
        let Some(hook) = &self.hooks.observe else { return Ok(()) };
        with_request_scope(head, || self.guest.call(Call::Observe, hook, observation))
    }

    fn tick(&mut self) -> Result<(), Fault> {
        self.hooks.tick.as_ref().map_or(Ok(()), |hook| self.guest.call(Call::Tick, hook, ()))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.version.id).finish()
    }
}

/// Instantiates, finds the exports, runs what the guest's language has to prepare, and `init`; returns what that returned.
fn start(store: &mut Store<GuestState>, version: &PolicyVersion) -> wasmtime::Result<(Hooks, i32)> {
    let instance = version.pre.instantiate(&mut *store)?;
    store.data_mut().memory = instance.get_memory(&mut *store, export::MEMORY);
    let init = instance.get_typed_func::<(), i32>(&mut *store, export::INIT)?;
    let hooks = Hooks {
        pick: instance.get_typed_func(&mut *store, export::PICK)?,
        topology: instance.get_typed_func(&mut *store, export::TOPOLOGY).ok(),
        observe: instance.get_typed_func(&mut *store, export::OBSERVE).ok(),
        tick: instance.get_typed_func(&mut *store, export::TICK).ok(),
    };
    // Admission has seen its type.
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, runtime_export::INITIALIZE) {
        initialize.call(&mut *store, ())?;
    }
    let answer = init.call(&mut *store, ())?;
    Ok((hooks, answer))
}

/// A guest's store, with its limits in place.
struct Guest {
    store: Store<GuestState>,
    meter: Meter,
}

impl Guest {
    fn new(engine: &GuestEngine, state: GuestState) -> Self {
        let mut store = Store::new(&engine.engine, state);
        store.limiter(|state| &mut state.limits);
        match &engine.meter {
            Meter::Time(ticker) => {
                let ticker = Arc::clone(ticker);
                store.epoch_deadline_callback(move |mut store| Ok(store.data_mut().watch.tick(&ticker)));
            }
            Meter::Fuel => store.data_mut().watch.measure_fuel(),
        }
        Self { store, meter: engine.meter.clone() }
    }

    fn state(&mut self) -> &mut GuestState {
        self.store.data_mut()
    }

    fn call<A, R>(&mut self, call: Call, hook: &TypedFunc<A, R>, arguments: A) -> Result<R, Fault>
    where
        A: WasmParams,
        R: WasmResults,
    {
        self.run(call, |store| hook.call(store, arguments))
    }

    /// Runs guest code against a fresh deadline.
    fn run<R>(
        &mut self,
        call: Call,
        code: impl FnOnce(&mut Store<GuestState>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        self.state().begin(call);
        let result = match &self.meter {
            Meter::Time(ticker) => {
                self.store.set_epoch_deadline(1);
                ticker.arm();
                code(&mut self.store)
            }
            Meter::Fuel => self.run_on_fuel(code),
        };
        let state = self.state();
        state.watch.end();
        result.map_err(|error| Fault::from_error(call, &error, state.report.panic.take()))
    }

    fn run_on_fuel<R>(
        &mut self,
        code: impl FnOnce(&mut Store<GuestState>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        let fuel = self.state().watch.fuel();
        self.store.set_fuel(fuel)?;
        let result = code(&mut self.store);
        let left = self.store.get_fuel()?;
        self.state().watch.last.fuel = fuel.saturating_sub(left);
        result
    }
}
