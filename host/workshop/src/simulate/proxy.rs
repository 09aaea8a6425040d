//! A proxy in front of made-up backends: the real pool, picks and policy.

mod room;

use std::sync::Arc;

use pointsman_core::backend::{Backend, BackendIndex, BackendLimits, BackendStats, TopologyGeneration};
use pointsman_core::pool::PANIC_THRESHOLD;
use pointsman_core::request::RequestHead;
use pointsman_policy::{
    Pick, PolicySettings, Response, SimulatedRequest, Simulation, SimulationError, Testbed,
};

use super::queue::Queue;
use crate::made_up;
use crate::spec::{BackendGroup, Loaded, Spec};
use room::Room;

/// One proxy.
pub(super) struct Proxy {
    pub(super) simulation: Simulation,
    /// The numbers of the backends in the simulation, by their places in this topology.
    numbers: (TopologyGeneration, Vec<u32>),
    /// Requests that have begun or ended since policies have seen the counts last; none where they see them as they are.
    unseen: Option<Vec<(Arc<BackendStats>, Change)>>,
    /// Room at the backends; none where they take any number of requests.
    room: Option<Room>,
    /// Requests that wait for it.
    pub(super) queue: Queue,
    /// Picks of the policy, and the fuel that they have taken.
    pub(super) picks: u64,
    pub(super) fuel: u64,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Begun,
    Ended,
}

/// A request at one of the backends.
pub(super) struct Sent {
    pub(super) request: SimulatedRequest,
    /// The backend's number in the simulation.
    pub(super) backend: u32,
}

/// Why a request wasn't sent.
pub(super) enum NotSent {
    /// What the pick was instead of a backend.
    Pick(Pick),
    /// All backends that may serve have as many requests as they may have.
    AllFull,
}

impl Proxy {
    /// `index` is its number among the proxies, from 0 on.
    pub(super) fn open(
        testbed: &Testbed,
        spec: &Spec,
        policy: &Loaded,
        (index, seed): (u32, u64),
    ) -> Result<Self, SimulationError> {
        let config = policy.config_of(index, spec.run.get_ref().proxies).into();
        let settings = PolicySettings { config, ..PolicySettings::default() };
        let backends =
            spec.members().enumerate().map(|(number, (name, group))| backend(number, &name, group));
        let simulation = testbed.proxy(policy.plugin.clone(), backends.collect(), settings, seed)?;
        let percent = spec.run.get_ref().panic_threshold.unwrap_or(PANIC_THRESHOLD);
        simulation.pool().set_panic_threshold(percent);
        let unseen = (spec.run.get_ref().counts_every.0 > 0).then(Vec::new);
        let numbers = (TopologyGeneration::default(), Vec::new());
        let queue = Queue::new(spec.run.get_ref().queue.unwrap_or_default());
        Ok(Self { simulation, numbers, unseen, room: Room::of(spec), queue, picks: 0, fuel: 0 })
    }

    /// Picks a backend and sends the request there, as the proxy does: if it is full, the policy is asked once more with that one ruled out; if
    /// it picks no other one with room, any backend with room gets the request.
    ///
    /// # Errors
    ///
    /// Why it isn't sent.
    #[inline]
    pub(super) fn send(&mut self, head: &mut RequestHead) -> Result<Sent, NotSent> {
        let sent = self.pick(head).map_err(NotSent::Pick)?;
        if self.begin(&sent) { Ok(sent) } else { self.send_elsewhere(&sent, head) }
    }

    #[cold]
    fn send_elsewhere(&mut self, full: &Sent, head: &mut RequestHead) -> Result<Sent, NotSent> {
        let before = head.tried.clone();
        head.tried.insert(full.index());
        let sent = match self.pick(head) {
            Ok(sent) if self.begin(&sent) => Ok(sent),
            Ok(_) => self.send_with_room(head),
            Err(Pick::Unavailable) => Err(NotSent::AllFull),
            Err(pick) => Err(NotSent::Pick(pick)),
        };
        // A backend that was found full counts as unused: it may have room the next time.
        head.tried = before;
        sent
    }

    fn send_with_room(&mut self, head: &mut RequestHead) -> Result<Sent, NotSent> {
        loop {
            let Ok(request) = self.simulation.pick_with_room(head) else { return Err(NotSent::AllFull) };
            let sent = self.numbered(request);
            if self.begin(&sent) {
                return Ok(sent);
            }
            // Counts of a time ago had room.
            head.tried.insert(sent.index());
        }
    }

    fn pick(&mut self, head: &mut RequestHead) -> Result<Sent, Pick> {
        let picked = self.simulation.pick(head);
        self.picks += 1;
        self.fuel += self.simulation.last_call().fuel;
        picked.map(|request| self.numbered(request))
    }

    fn numbered(&mut self, request: SimulatedRequest) -> Sent {
        let generation = self.simulation.topology().generation();
        if generation != self.numbers.0 {
            self.number(generation);
        }
        let backend = self.numbers.1[request.picked().index.get()];
        Sent { request, backend }
    }

    /// A request begins at its backend, unless that is full.
    fn begin(&mut self, sent: &Sent) -> bool {
        let has_room = self.room.as_mut().is_none_or(|room| room.take(sent.backend));
        if has_room {
            match &mut self.unseen {
                None => sent.request.stats().begin(),
                Some(unseen) => unseen.push((Arc::clone(sent.request.stats()), Change::Begun)),
            }
        }
        has_room
    }

    /// A request has ended.
    #[inline]
    pub(super) fn end(&mut self, sent: Sent, response: &Response) {
        if let Some(room) = &mut self.room {
            room.free(sent.backend);
        }
        match &mut self.unseen {
            None => self.simulation.respond(sent.request, response),
            Some(unseen) => {
                let stats = Arc::clone(sent.request.stats());
                pointsman_policy::count(&stats, self.simulation.now(), response);
                unseen.push((stats, Change::Ended));
                self.simulation.observe(sent.request, response);
            }
        }
    }

    /// The policy sees the counts as they are now.
    pub(super) fn refresh(&mut self) {
        for (stats, change) in self.unseen.iter_mut().flat_map(|unseen| unseen.drain(..)) {
            match change {
                Change::Begun => stats.begin(),
                Change::Ended => stats.end(),
            }
        }
    }

    #[cold]
    fn number(&mut self, generation: TopologyGeneration) {
        let number = |backend: &Arc<Backend>| u32::from(backend.address.ends_at().port());
        let numbers = self.simulation.topology().backends().iter().map(number).collect();
        self.numbers = (generation, numbers);
    }
}

impl Sent {
    /// The backend's place in the topology of the pick.
    fn index(&self) -> BackendIndex {
        self.request.picked().index
    }
}

/// A backend as the proxies know it. Its port is its number.
pub(super) fn backend(number: usize, name: &str, group: &BackendGroup) -> Backend {
    let port = u16::try_from(number).unwrap_or(u16::MAX);
    let most = group.max_requests.map(u64::from);
    // Here each request has a connection.
    let limits = BackendLimits { max_requests: most, max_connections: most };
    Backend { limits, ..made_up::backend((name, port), group.weight, &group.zone, &group.labels) }
}
