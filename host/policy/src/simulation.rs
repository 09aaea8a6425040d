//! A policy run by hand: one worker, made-up responses, and a manual clock.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pointsman_core::backend::{Backend, Completion, ResponseClass};
use pointsman_core::clock::{Clock, ClockHands, Moment};
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request::RequestHead;
use pointsman_sdk::abi::outcome;
use wasmtime::Linker;

use crate::admission::{self, Admitted, Refusal};
use crate::context::{ContextId, PolicyContext};
use crate::engine::GuestEngine;
use crate::guest::GuestState;
use crate::imports;
use crate::observed_request::ObservedRequest;
use crate::picker::{Pick, Picked, Picker, Response};
use crate::plugin::Plugin;
use crate::rng::Rng;
use crate::settings::PolicySettings;
use crate::slot::{PolicySlot, SlotEvent, SlotEvents};
use crate::supervisor::{Opened, Supervisor};
use crate::swap::SwapOutcome;
use crate::version::VersionId;

/// One policy, a pool and a worker, without a proxy around them.
///
/// Admission, picks and observations work as in the proxy, with faults, new instances after failures, swaps and probation. Two
/// runs with the same seed, calls and times are the same. So there is no limit to the share of time that the policy takes; only
/// the CPU time of one call is limited (`deadline`), by a thread of the engine: without it a call might never end.
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
    engine: GuestEngine,
    linker: Linker<GuestState>,
    seeds: Rng,
    clock: Clock,
    hands: ClockHands,
    supervisor: Supervisor,
    events: Receiver<SlotEvent>,
    slot: Arc<PolicySlot>,
    picker: Picker,
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

    /// The pick that led there.
    #[must_use]
    pub fn picked(&self) -> Picked {
        self.picked
    }
}

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

impl Simulation {
    /// Admits a plugin and opens a pool of these backends with it. `seed` decides all that is random.
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
        let no_engine = |error: wasmtime::Error| SimulationError::Engine(format!("{error:#}"));
        let engine = GuestEngine::start().map_err(no_engine)?;
        let linker = imports::linker(&engine.engine).map_err(no_engine)?;
        let (clock, hands) = Clock::manual();
        let backends = backends.into_iter().map(Arc::new).collect();
        let pool = Arc::new(Pool::new("simulated", seed, &UpstreamLimits::default(), backends));
        // Shares of a time that stands still.
        let settings = PolicySettings { tick_percent: u32::MAX, cpu_percent: u32::MAX, ..settings };
        let context = Arc::new(PolicyContext::new(ContextId(0), pool, settings, Arc::default(), clock));

        let (sender, events) = mpsc::channel();
        let sink = SlotEvents::new(move |event| drop(sender.send(event)));
        let mut seeds = Rng::seeded(seed);
        let workers = NonZeroUsize::MIN;
        let supervised = Rng::seeded(seeds.draw());
        let mut supervisor =
            Supervisor::new(engine.clone(), workers, supervised, clock, sink, Box::new(|_, _| {}));
        let admitted = admit(&engine, &linker, &context, plugin, seeds.draw())?;
        let Opened { slot, mut pickers } = supervisor.open(context, admitted)?;
        let picker = pickers.pop().ok_or(Refusal::Stopped)?;
        Ok(Self { engine, linker, seeds, clock, hands, supervisor, events, slot, picker })
    }

    /// Picks a backend for a request and sends it there.
    ///
    /// # Errors
    ///
    /// What the pick was instead, if it leads to no backend.
    pub fn request(&mut self, head: &mut RequestHead) -> Result<SimulatedRequest, Pick> {
        let pick = self.picker.pick(head);
        self.settle();
        let Pick::Backend(picked) = pick else { return Err(pick) };
        let Some(backend) = self.picker.topology().get(picked.index).map(Arc::clone) else {
            return Err(Pick::Unavailable);
        };
        backend.stats.begin();
        let observed = self.picker.keep(picked, head);
        Ok(SimulatedRequest { backend, picked, observed })
    }

    /// Ends a request: counts it as the proxy does, and lets the policy observe it.
    ///
    /// A response's head counts by its status; a request that ends in another way than with a whole response counts as failed, unless it
    /// was the client that left.
    pub fn respond(&mut self, request: SimulatedRequest, response: &Response) {
        let SimulatedRequest { backend, picked, observed } = request;
        let count = |latency, class: ResponseClass| {
            let completion = Completion { latency, failed: class.is_failure() };
            backend.stats.complete(self.clock.now(), completion);
        };
        if let Some((status, head)) = response.answered {
            count(head, ResponseClass::of(status));
        }
        if !matches!(response.outcome, outcome::COMPLETE | outcome::CLIENT_ABORT) {
            count(response.total, ResponseClass::GatewayFailure);
        }
        backend.stats.end();
        self.picker.observe(picked, response, observed);
        self.settle();
    }

    /// Advances the clock, with the policy's ticks and everything else that falls due.
    pub fn advance(&mut self, span: Duration) {
        let end = self.now().after(span);
        loop {
            let next_tick = self.picker.tick();
            self.settle();
            let left = end.since(self.now());
            if left.is_zero() {
                return;
            }
            let due = self.supervisor.next_due().unwrap_or(left);
            // A step of zero would be repeated for ever.
            self.hands.advance(next_tick.min(due).clamp(Duration::from_micros(1), left));
        }
    }

    /// Swaps the policy, as a change of its file does.
    pub fn swap(&mut self, plugin: Plugin) -> SwapOutcome {
        let seed = self.seeds.draw();
        match admit(&self.engine, &self.linker, self.slot.context(), plugin, seed) {
            Ok(admitted) => self.supervisor.swap(&self.slot, admitted),
            Err(refusal) => SwapOutcome::Refused(refusal),
        }
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

    /// The policy's slot: what has gone wrong, and which version is active.
    #[must_use]
    pub fn slot(&self) -> &PolicySlot {
        &self.slot
    }

    /// Runs the supervisor: it handles the events of the calls, and what is due.
    fn settle(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.supervisor.slot_event(event);
        }
        self.supervisor.time_passed();
    }
}

/// Puts a plugin through admission on the calling thread.
fn admit(
    engine: &GuestEngine,
    linker: &Linker<GuestState>,
    context: &Arc<PolicyContext>,
    plugin: Plugin,
    seed: u64,
) -> Result<Admitted, Refusal> {
    let started = Instant::now();
    let Plugin { origin, content } = plugin;
    let scratch = GuestState::new(Arc::clone(context), String::new(), context.pool.topology(), 0);
    let version = Arc::new(admission::compile(linker, scratch, VersionId::of(&content), content)?);
    let rehearsed = admission::rehearse(engine, &version, context, seed)?;
    Ok(Admitted { version, origin, rehearsed, started })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use http::StatusCode;

    use super::*;
    use crate::testing::{guest, guest_with, plugin};
    use pointsman_core::record::ChosenBy;

    fn backends() -> Vec<Backend> {
        ["a", "b", "c"].map(|name| Backend::new(name, ([192, 0, 2, 1], 80))).into()
    }

    fn start(plugin: Plugin) -> Simulation {
        Simulation::start(plugin, backends(), PolicySettings::default(), 7).expect("it serves")
    }

    #[test]
    fn two_runs_with_one_seed_are_the_same() {
        let run = || {
            let mut simulation = start(Plugin::bundled("peak-ewma").unwrap());
            let mut picked = String::new();
            for round in 0..200_u64 {
                let request = simulation.request(&mut RequestHead::default()).unwrap();
                let name = request.backend().name.clone();
                write!(picked, "{name}").unwrap();
                let took = Duration::from_millis(if *name == *"a" { 50 } else { 1 + round % 3 });
                simulation.advance(took);
                simulation.respond(request, &Response::complete(StatusCode::OK, took));
            }
            picked
        };
        let (one, other) = (run(), run());
        assert_eq!(one, other);
        let share = one.matches('a').count();
        assert!(share < 50, "the slow backend gets less: {share} of 200");
    }

    #[test]
    fn requests_count_as_in_the_proxy() {
        const HEAD: Option<(StatusCode, Duration)> = Some((StatusCode::OK, Duration::from_millis(3)));
        const BAD: Option<(StatusCode, Duration)> = Some((StatusCode::BAD_GATEWAY, Duration::from_millis(3)));
        for (answered, outcome, failures) in [
            (HEAD, outcome::COMPLETE, 0),
            (BAD, outcome::COMPLETE, 1),
            (HEAD, outcome::UPSTREAM_RESET, 1),
            (None, outcome::CONNECT_FAILURE, 1),
            (None, outcome::TIMEOUT, 1),
            (HEAD, outcome::CLIENT_ABORT, 0),
            (None, outcome::CLIENT_ABORT, 0),
        ] {
            let mut simulation = start(Plugin::bundled("round-robin").unwrap());
            let request = simulation.request(&mut RequestHead::default()).unwrap();
            let stats = Arc::clone(&request.backend().stats);
            let total = Duration::from_millis(9);
            simulation.respond(request, &Response { answered, outcome, total });
            assert_eq!((stats.failures(), stats.in_flight()), (failures, 0), "{answered:?} {outcome}");
        }
    }

    #[test]
    fn ticks_come_at_their_time() {
        let ticks = guest(
            r#"(func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
               (func (export "pointsman_tick")
                (drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 2) (i64.const 1))))"#,
        );
        let mut simulation = start(plugin(ticks));
        simulation.advance(Duration::from_millis(95));
        let cells = &simulation.slot.context().cells;
        assert_eq!(crate::testing::with_cell(cells, 2, |cell| cell.get()), 9);
    }

    #[test]
    fn an_instance_that_fails_is_replaced_when_time_passes() {
        // Traps in its 2,000th pick: after admission.
        let bad = guest_with(
            "pick",
            "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
             (if (i32.eq (i32.load (i32.const 0)) (i32.const 2000)) (then unreachable))
             (i64.const 0x1_0000_0000)",
        );
        let mut simulation = start(plugin(bad));
        let chosen = |simulation: &mut Simulation| {
            let request = simulation.request(&mut RequestHead::default()).unwrap();
            let chosen_by = request.picked().chosen_by;
            simulation.respond(request, &Response::complete(StatusCode::OK, Duration::ZERO));
            chosen_by
        };
        for _ in 1..2000 {
            assert_eq!(chosen(&mut simulation), ChosenBy::Abstention);
        }
        assert_eq!([(); 2].map(|()| chosen(&mut simulation)), [ChosenBy::Fallback; 2]);
        simulation.advance(Duration::from_millis(9));
        assert_eq!(chosen(&mut simulation), ChosenBy::Fallback, "another instance takes 10 ms");
        simulation.advance(Duration::from_millis(1));
        assert_eq!(chosen(&mut simulation), ChosenBy::Abstention);
        assert_eq!((simulation.slot().stats().all_faults(), simulation.slot().stats().rebuilds()), (1, 1));
    }

    #[test]
    fn a_swap_takes_effect_at_the_next_pick() {
        let mut simulation = start(Plugin::bundled("round-robin").unwrap());
        let outcome = simulation.swap(plugin(guest_with("pick", "(i64.const 0x2_0000_01f7)")));
        assert!(matches!(outcome, SwapOutcome::Swapped(_)), "{outcome:?}");
        let pick = simulation.request(&mut RequestHead::default()).unwrap_err();
        assert_eq!(pick, Pick::Reject(StatusCode::SERVICE_UNAVAILABLE));
    }
}
