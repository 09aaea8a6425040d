//! What the host keeps for one guest: everything its imports may read or change.

mod cells;
mod current_request;
mod limits;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pointsman_core::clock::Moment;
use pointsman_core::picks::Given;
use pointsman_core::printable::Printable;
use pointsman_core::topology::Topology;
use wasmtime::Memory;

use crate::cells::ResolvedCells;
use crate::context::PolicyContext;
use crate::rng::Rng;

use cells::GuestCells;
pub(super) use current_request::{with_current_request, with_request_scope};
pub(super) use limits::{GuestLimits, LimitExceeded};
pub use watch::CallCost;
pub(super) use watch::{Watch, thread_cpu_time};

/// Which of its exports a guest is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `pointsman_init`.
    Init,
    /// `pointsman_pick`.
    Pick,
    /// `pointsman_topology`.
    Topology,
    /// `pointsman_observe`.
    Observe,
    /// `pointsman_tick`.
    Tick,
}

impl Call {
    /// The name of the hook.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Pick => "pick",
            Self::Topology => "topology",
            Self::Observe => "observe",
            Self::Tick => "tick",
        }
    }
}

/// The data of a guest's store.
pub(super) struct GuestState {
    pub(super) context: Arc<PolicyContext>,
    /// The version's short name, for log lines.
    pub(super) version: String,
    pub(super) topology: Arc<Topology>,
    pub(super) call: CurrentCall,
    /// The guest's exported memory, found once.
    pub(super) memory: Option<Memory>,
    pub(super) limits: GuestLimits,
    pub(super) watch: Watch,
    pub(super) rng: Rng,
    pub(super) report: GuestReport,
    cells: GuestCells,
}

/// The call that a guest runs, or ran last.
pub(super) struct CurrentCall {
    pub(super) hook: Call,
    /// The time of the call: read once, so that a guest can't measure what happens within a call.
    now: Option<Moment>,
    /// Where is kept what the guest is told; `None` but for a pick that is to be explained.
    pub(super) keeps: Option<Arc<Mutex<Given>>>,
}

/// What a guest has reported about itself.
#[derive(Default)]
pub(super) struct GuestReport {
    /// Interval that it has asked ticks for.
    pub(super) tick_every: Option<Duration>,
    /// Its last words before a trap.
    pub(super) panic: Option<Printable>,
    /// Why it refuses to start.
    pub(super) refusal: Option<Printable>,
}

impl GuestState {
    pub(super) fn new(
        context: Arc<PolicyContext>,
        version: String,
        topology: Arc<Topology>,
        seed: u64,
    ) -> Self {
        Self {
            limits: GuestLimits { memory: context.settings.memory, table: context.settings.table },
            watch: Watch::new(context.settings.deadline),
            context,
            version,
            topology,
            call: CurrentCall { hook: Call::Init, now: None, keeps: None },
            memory: None,
            rng: Rng::seeded(seed),
            report: GuestReport::default(),
            cells: GuestCells::default(),
        }
    }

    /// Prepares for a call.
    #[inline]
    pub(super) fn begin(&mut self, hook: Call) {
        self.call.hook = hook;
        self.call.now = None;
    }

    /// Where is kept what the guest is told; nowhere, as a rule. Only the worker's own thread ever locks it.
    #[inline]
    pub(super) fn given(&self) -> Option<MutexGuard<'_, Given>> {
        self.call.keeps.as_ref().map(|given| given.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time of this call.
    #[inline]
    pub(super) fn now(&mut self) -> Moment {
        let clock = self.context.clock;
        *self.call.now.get_or_insert_with(|| clock.now())
    }

    /// Names the layout of the guest's cells.
    pub(super) fn open_cells(&mut self, schema: &str) {
        self.cells.open(&self.context.cells, schema);
    }

    /// The guest's cells. Looked up on the first use, in or right after `init`.
    #[inline]
    pub(super) fn cells(&mut self) -> &ResolvedCells {
        self.cells.resolved(&self.context.cells, &self.topology)
    }

    /// Puts a topology in place of the present one.
    pub(super) fn set_topology(&mut self, topology: Arc<Topology>) {
        self.cells.follow(&self.context.cells, &topology);
        self.topology = topology;
    }
}

impl fmt::Debug for GuestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestState")
            .field("pool", &self.context.pool.name)
            .field("version", &self.version)
            .field("call", &self.call.hook)
            .finish_non_exhaustive()
    }
}
