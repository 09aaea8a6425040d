//! A policy run by hand: one worker, made-up responses, and a manual clock.

mod testbed;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use pointsman_core::backend::{Backend, BackendStats, Completion, ResponseClass};
use pointsman_core::clock::{Clock, ClockHands, Moment};
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;
use pointsman_sdk::abi::outcome;

use crate::admission::Refusal;
use crate::context::{ContextId, PolicyContext};
use crate::guest::CallCost;
use crate::observed_request::ObservedRequest;
use crate::picker::{Pick, Picked, Picker, Response};
use crate::plugin::Plugin;
use crate::rng::Rng;
use crate::settings::PolicySettings;
use crate::slot::{PolicySlot, SlotEvent, SlotEvents};
use crate::supervisor::{Opened, Supervisor};
use crate::swap::SwapOutcome;

use testbed::Workshop;
pub use testbed::{SimulationError, Testbed};

/// One policy, a pool and a worker, without a proxy around them.
///
/// Admission, picks and observations work as in the proxy, with faults, new instances after failures, swaps and probation. Two
/// runs with the same seed, calls and times are the same. So there is no limit to the share of time that the policy takes, and the
/// `deadline` of a call is one of instructions: ten thousand for each microsecond.
///
/// ```
/// use std::time::Duration;
///
/// use http::StatusCode;
/// use pointsman_core::backend::Backend;
/// use pointsman_core::request::RequestHead;
/// use pointsman_policy::{Plugin, PolicySettings, Response, Simulation};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let backends = vec![Backend::new("a", ([192, 0, 2, 1], 80)), Backend::new("b", ([192, 0, 2, 2], 80))];
/// // A file of your own: `Plugin::file(path, std::fs::read(path)?)`.
/// let plugin = Plugin::bundled("least-conn").ok_or("it is bundled")?;
/// let mut simulation = Simulation::start(plugin, backends, PolicySettings::default(), 1)?;
///
/// let one = simulation.request(&mut RequestHead::default()).expect("a backend is eligible");
/// let other = simulation.request(&mut RequestHead::default()).expect("a backend is eligible");
/// assert_ne!(one.backend().name, other.backend().name, "the other one has fewer requests");
///
/// simulation.advance(Duration::from_millis(20));
/// simulation.respond(one, &Response::complete(StatusCode::OK, Duration::from_millis(20)));
/// # Ok(())
/// # }
/// ```
pub struct Simulation {
    workshop: Arc<Workshop>,
    seeds: Rng,
    clock: Clock,
    hands: ClockHands,
    supervisor: Supervisor,
    events: Receiver<SlotEvent>,
    slot: Arc<PolicySlot>,
    picker: Picker,
    wakes_at: Moment,
}

/// A request that is in flight to a backend.
#[derive(Debug)]
pub struct SimulatedRequest {
    backend: Arc<Backend>,
    picked: Picked,
    observed: ObservedRequest,
}

impl SimulatedRequest {
    /// Where it was sent.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The same, to share.
    #[must_use]
    pub fn stats(&self) -> &Arc<BackendStats> {
        &self.backend.stats
    }

    /// The pick that led there.
    #[must_use]
    pub fn picked(&self) -> Picked {
        self.picked
    }
}

impl Testbed {
    /// Admits a plugin and opens a pool of these backends with it. `seed` decides all that is random.
    ///
    /// # Errors
    ///
    /// Why the plugin can't serve.
    pub fn proxy(
        &self,
        plugin: Plugin,
        backends: Vec<Backend>,
        settings: PolicySettings,
        seed: u64,
    ) -> Result<Simulation, SimulationError> {
        Simulation::open(self, plugin, backends, settings, seed)
    }
}

impl Simulation {
    /// Admits a plugin and opens a pool of these backends with it, in a testbed of its own. `seed` decides all that is random.
    ///
    /// # Errors
    ///
    /// If there is no engine, or why the plugin can't serve.
    pub fn start(
        plugin: Plugin,
        backends: Vec<Backend>,
        settings: PolicySettings,
        seed: u64,
    ) -> Result<Self, SimulationError> {
        Testbed::new()?.proxy(plugin, backends, settings, seed)
    }

    fn open(
        testbed: &Testbed,
        plugin: Plugin,
        backends: Vec<Backend>,
        settings: PolicySettings,
        seed: u64,
    ) -> Result<Self, SimulationError> {
        let (workshop, (clock, hands)) = (Arc::clone(&testbed.workshop), testbed.clock());
        let backends = backends.into_iter().map(Arc::new).collect();
        let pool =
            Arc::new(Pool::new("simulated", testbed.hash_seed(), &UpstreamLimits::default(), backends));
        // Shares of a time that stands still.
        let settings = PolicySettings { tick_percent: u32::MAX, cpu_percent: u32::MAX, ..settings };
        let context = Arc::new(PolicyContext::new(ContextId(0), pool, settings, Arc::default(), clock));

        let (sender, events) = mpsc::channel();
        let sink = SlotEvents::new(move |event| drop(sender.send(event)));
        let mut seeds = Rng::seeded(seed);
        let workers = NonZeroUsize::MIN;
        let supervised = Rng::seeded(seeds.draw());
        let mut supervisor =
            Supervisor::new(workshop.engine.clone(), workers, supervised, clock, sink, Box::new(|_, _| {}));
        let admitted = workshop.admit(&context, plugin, seeds.draw())?;
        let Opened { slot, mut pickers } = supervisor.open(context, admitted)?;
        let picker = pickers.pop().ok_or(Refusal::Stopped)?;
        let wakes_at = clock.now();
        Ok(Self { workshop, seeds, clock, hands, supervisor, events, slot, picker, wakes_at })
    }

    /// Picks a backend for a request and sends it there.
    ///
    /// # Errors
    ///
    /// What the pick was instead, if it leads to no backend.
    pub fn request(&mut self, head: &mut RequestHead) -> Result<SimulatedRequest, Pick> {
        let request = self.pick(head)?;
        request.backend.stats.begin();
        Ok(request)
    }

    /// Picks a backend for a request, which isn't counted there: the caller does that, or [`begin`](BackendStats::begin) comes later than
    /// the pick, as with numbers that are out of date.
    ///
    /// # Errors
    ///
    /// What the pick was instead, if it leads to no backend.
    pub fn pick(&mut self, head: &mut RequestHead) -> Result<SimulatedRequest, Pick> {
        let pick = self.picker.pick(head);
        self.settle();
        self.simulated(pick, head)
    }

    /// Picks as a worker does, and nothing else: to measure a pick. What a failure leads to comes with the next [`wake`](Self::wake).
    #[inline]
    pub fn pick_only(&mut self, head: &mut RequestHead) -> Pick {
        self.picker.pick(head)
    }

    /// Picks one of the backends that have room, without the policy: as the proxy does for a request if those that the policy has picked are
    /// full. It isn't counted, as with [`pick`](Self::pick).
    ///
    /// # Errors
    ///
    /// What the pick was instead, if it leads to no backend.
    pub fn pick_with_room(&mut self, head: &mut RequestHead) -> Result<SimulatedRequest, Pick> {
        let pick = self.picker.pick_with_room(head, self.slot.pool().capacity());
        self.settle();
        self.simulated(pick, head)
    }

    fn simulated(&self, pick: Pick, head: &RequestHead) -> Result<SimulatedRequest, Pick> {
        let Pick::Backend(picked) = pick else { return Err(pick) };
        let Some(backend) = self.picker.topology().get(picked.index).map(Arc::clone) else {
            return Err(Pick::Unavailable);
        };
        let observed = self.picker.keep(picked, head);
        Ok(SimulatedRequest { backend, picked, observed })
    }

    /// Ends a request: counts it as the proxy does, and lets the policy observe it.
    ///
    /// A response's head counts by its status; a request that ends in another way than with a whole response counts as failed, unless it
    /// was the client that left.
    pub fn respond(&mut self, request: SimulatedRequest, response: &Response) {
        count(&request.backend.stats, self.clock.now(), response);
        request.backend.stats.end();
        self.observe(request, response);
    }

    /// Lets the policy observe the end of a request, which isn't counted: see [`count`].
    pub fn observe(&mut self, request: SimulatedRequest, response: &Response) {
        let SimulatedRequest { picked, observed, .. } = request;
        self.picker.observe(picked, response, observed);
        self.settle();
    }

    /// Advances the clock, with the policy's ticks and everything else that falls due.
    pub fn advance(&mut self, span: Duration) {
        let end = self.now().after(span);
        loop {
            self.wake();
            let left = end.since(self.now());
            if left.is_zero() {
                return;
            }
            // A step of zero would be repeated for ever.
            let step = self.wakes_at.since(self.now());
            self.hands.advance(step.clamp(Duration::from_micros(1), left));
        }
    }

    /// When something is due next: the policy's tick, or another instance in the place of one that failed. At most a second from the last
    /// [`wake`](Self::wake).
    #[inline]
    #[must_use]
    pub fn wakes_at(&self) -> Moment {
        self.wakes_at
    }

    /// Does what is due.
    pub fn wake(&mut self) {
        let now = self.now();
        self.wakes_at = now.after(self.picker.tick());
        self.supervisor.time_passed();
        self.settle();
        self.due_by(now);
    }

    /// Swaps the policy, as a change of its file does.
    pub fn swap(&mut self, plugin: Plugin) -> SwapOutcome {
        let seed = self.seeds.draw();
        let outcome = match self.workshop.admit(self.slot.context(), plugin, seed) {
            Ok(admitted) => self.supervisor.swap(&self.slot, admitted),
            Err(refusal) => SwapOutcome::Refused(refusal),
        };
        // The version may want ticks.
        self.wakes_at = self.now();
        outcome
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The pool, whose backends can change.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        self.slot.pool()
    }

    /// The topology that the last pick's index counts in.
    #[inline]
    #[must_use]
    pub fn topology(&self) -> &Arc<Topology> {
        self.picker.topology()
    }

    /// The policy's slot: what has gone wrong, and which version is active.
    #[must_use]
    pub fn slot(&self) -> &PolicySlot {
        &self.slot
    }

    /// What the last call of the policy has cost.
    #[must_use]
    pub fn last_call(&self) -> CallCost {
        self.picker.last_call()
    }

    /// Linear memory of the policy's instance, bytes; 0 while there is none.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.picker.memory_bytes()
    }

    /// Has the supervisor handle the events of the calls.
    #[inline]
    fn settle(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.supervisor.slot_event(event);
            self.due_by(self.now());
        }
    }

    fn due_by(&mut self, now: Moment) {
        if let Some(due) = self.supervisor.next_due() {
            self.wakes_at = self.wakes_at.min(now.after(due));
        }
    }
}

/// Counts the end of a request at its backend, but for that it is in flight no more: [`end`](BackendStats::end) says that.
pub fn count(stats: &BackendStats, now: Moment, response: &Response) {
    let complete = |latency, class: ResponseClass| {
        stats.complete(now, Completion { latency, failed: class.is_failure() });
    };
    if let Some((status, head)) = response.answered {
        complete(head, ResponseClass::of(status));
    }
    if !matches!(response.outcome, outcome::COMPLETE | outcome::CLIENT_ABORT) {
        complete(response.total, ResponseClass::GatewayFailure);
    }
}

#[cfg(test)]
mod tests;
