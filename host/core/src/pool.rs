//! A named set of backends, shared by all workers.

mod capacity;
mod ejection_signal;
mod handoff;
mod limits;
mod load;
mod members;
mod queue;
mod retry_budget;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::{Backend, BackendLimits, BackendStats, ConfigurationGeneration, TopologyGeneration};
use crate::counts::{Bounds, PoolCells, PoolCounts};
use crate::local::Shared;
use crate::topology::{Member, Topology};

pub use capacity::Capacity;
use capacity::CurrentCapacity;
pub use ejection_signal::EjectionSignal;
pub use handoff::ConnectionHandoff;
pub use limits::{
    BackendProtocol, ExchangeLimits, Http2Limits, ProxyProtocol, QueueLimits, RetryLimits, UpstreamLimits,
};
pub use load::Load;
pub use members::{MOST, Members, Override};
pub use queue::{Queue, QueueTicket, StandBy};
pub use retry_budget::{RetryBudget, RetryCost};

/// Generation of a pool's first topology.
const FIRST: u64 = 1;

/// A pool, as all workers and all versions of its policy share it.
#[derive(Debug)]
pub struct Pool {
    /// The pool's name.
    pub name: Box<str>,
    /// Seed of the hashes that policies ask for.
    pub hash_seed: u64,
    /// Given by a worker when a backend has failed too often in a row.
    pub ejection_signal: EjectionSignal,
    /// What its clients have seen.
    pub counts: Arc<PoolCounts>,
    retry_budget: RetryBudget,
    queue: Queue,
    handoff: ConnectionHandoff,
    capacity: CurrentCapacity,
    state: Mutex<PoolState>,
    generation: AtomicU64,
}

/// The backends of a pool, and the topology that follows.
#[derive(Debug)]
struct PoolState {
    sources: Members,
    /// The merged sources, with the health of each. The topology is made from them.
    members: Vec<Member>,
    panic_threshold: u32,
    topology: Arc<Topology>,
    /// The configuration that the members come from.
    configuration: ConfigurationGeneration,
}

/// Share of healthy backends, percent, below which health is ignored unless the operator says otherwise.
pub const PANIC_THRESHOLD: u32 = 10;

impl Pool {
    /// A pool of these backends from the file, all of them healthy.
    #[must_use]
    pub fn new(name: &str, hash_seed: u64, limits: &UpstreamLimits, backends: Vec<Arc<Backend>>) -> Self {
        let sources = Members { file: backends, ..Members::default() };
        let counts = Arc::new(PoolCounts::new(&limits.latency_bounds));
        let backends = sources.merged().into_iter();
        let members = backends.map(|backend| Member::healthy(counted(backend, counts.bounds()))).collect();
        Self::of(name, hash_seed, limits, (sources, members), (0, counts))
    }

    /// Another pool that begins with the backends of this one, after a change of them. Those that stay keep their numbers and their
    /// health; `newcomer` makes a member of any other.
    #[must_use]
    pub fn successor(
        &self,
        hash_seed: u64,
        limits: &UpstreamLimits,
        change: impl FnOnce(&mut Members),
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) -> Self {
        let state = self.state();
        let mut sources = state.sources.clone();
        change(&mut sources);
        let members = successors(&state.members, sources.merged(), self.counts.bounds(), newcomer);
        let counts = Arc::clone(&self.counts);
        Self::of(&self.name, hash_seed, limits, (sources, members), (state.panic_threshold, counts))
    }

    fn of(
        name: &str,
        hash_seed: u64,
        limits: &UpstreamLimits,
        (sources, members): (Members, Vec<Member>),
        (panic_threshold, counts): (u32, Arc<PoolCounts>),
    ) -> Self {
        let topology = Arc::new(Topology::of(TopologyGeneration(FIRST), &members, panic_threshold));
        let state = PoolState {
            sources,
            members,
            panic_threshold,
            topology,
            configuration: ConfigurationGeneration::default(),
        };
        Self {
            name: name.into(),
            hash_seed,
            counts,
            queue: Queue::default(),
            handoff: ConnectionHandoff::default(),
            capacity: CurrentCapacity::new(limits.capacity()),
            ejection_signal: EjectionSignal::default(),
            retry_budget: RetryBudget::new(&limits.retry),
            state: Mutex::new(state),
            generation: AtomicU64::new(FIRST),
        }
    }

    /// The current topology. Takes a lock: workers keep the answer and compare
    /// [`topology_generation`](Self::topology_generation).
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.state().topology)
    }

    /// The current topology, unless it belongs to a later configuration than this one: a worker with an older configuration keeps
    /// its topology.
    #[must_use]
    pub fn topology_in(&self, configuration: ConfigurationGeneration) -> Option<Arc<Topology>> {
        let state = self.state();
        (state.configuration <= configuration).then(|| Arc::clone(&state.topology))
    }

    /// Changes the backends. One that stays (by its name) keeps its numbers, and if it keeps its address, its health, too;
    /// `newcomer` makes a member of any other.
    pub fn change_backends(
        &self,
        change: impl FnOnce(&mut Members),
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) {
        self.replace(self.state(), change, newcomer);
    }

    /// As [`change_backends`](Self::change_backends), as a part of a configuration: a worker sees the backends once it serves with
    /// that configuration.
    pub fn reconfigure(
        &self,
        configuration: ConfigurationGeneration,
        change: impl FnOnce(&mut Members),
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) {
        let mut state = self.state();
        state.configuration = configuration;
        self.replace(state, change, newcomer);
    }

    fn replace(
        &self,
        mut state: MutexGuard<'_, PoolState>,
        change: impl FnOnce(&mut Members),
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) {
        change(&mut state.sources);
        state.members = successors(&state.members, state.sources.merged(), self.counts.bounds(), newcomer);
        self.publish(state);
    }

    /// Changes the health and weight of members, and publishes the topology that follows, unless it is the same. Workers and
    /// policies see it at their next pick.
    ///
    /// `change` is called with the current members, under a lock, so no other change is lost. Returns the generation of the
    /// topology that holds them.
    pub fn change(&self, change: impl FnOnce(&mut [Member])) -> TopologyGeneration {
        let mut state = self.state();
        change(&mut state.members);
        self.publish(state)
    }

    /// The members, in the order of the topology that follows from them, and that topology. Takes a lock: not for the data path.
    #[must_use]
    pub fn members(&self) -> (Vec<Member>, Arc<Topology>) {
        let state = self.state();
        (state.members.clone(), Arc::clone(&state.topology))
    }

    /// What an operator has changed of its backends, by name.
    #[must_use]
    pub fn overrides(&self) -> HashMap<Box<str>, Override> {
        self.state().sources.overrides.clone()
    }

    /// Sets the share of healthy backends, percent, below which health is ignored; 0, as it is at first, is never.
    pub fn set_panic_threshold(&self, percent: u32) {
        let mut state = self.state();
        state.panic_threshold = percent;
        self.publish(state);
    }

    fn publish(&self, mut state: MutexGuard<'_, PoolState>) -> TopologyGeneration {
        let generation = TopologyGeneration(state.topology.generation().0 + 1);
        let topology = Topology::of(generation, &state.members, state.panic_threshold);
        if !topology.agrees_with(&state.topology) {
            state.topology = Arc::new(topology);
            self.generation.store(generation.0, Ordering::Release);
        }
        let generation = state.topology.generation();
        drop(state);
        // A backend may have room now.
        self.queue.wake();
        generation
    }

    /// Requests that wait for a backend with room.
    #[inline]
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The limits of the backend of this name in the configuration that serves now; nothing if there is none. Takes a lock: for requests
    /// of a configuration before only.
    #[must_use]
    pub fn limits_of(&self, backend: &str) -> Option<BackendLimits> {
        let topology = self.topology();
        topology.backends().iter().find(|known| *known.name == *backend).map(|known| known.limits)
    }

    /// How many requests in flight there have to be for policies to see a backend as full.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity.get()
    }

    /// Changes that. Claims use the limits of the configuration that the request belongs to, for as long as that serves.
    pub fn set_capacity(&self, capacity: Capacity) {
        self.capacity.set(capacity);
    }

    /// How workers hand connections to each other.
    #[inline]
    #[must_use]
    pub fn handoff(&self) -> &ConnectionHandoff {
        &self.handoff
    }

    /// The budget for sending requests again.
    #[inline]
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
    }

    /// Generation of the current topology: one atomic load.
    #[inline]
    #[must_use]
    pub fn topology_generation(&self) -> TopologyGeneration {
        TopologyGeneration(self.generation.load(Ordering::Acquire))
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        // A panic can't leave half a state: each part is replaced as a whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The members for these backends. Those that stay keep their numbers, and with the same address their health.
fn successors(
    members: &[Member],
    backends: Vec<Arc<Backend>>,
    bounds: &Bounds,
    newcomer: impl Fn(Arc<Backend>) -> Member,
) -> Vec<Member> {
    let known: HashMap<&str, &Member> =
        members.iter().map(|member| (&*member.backend.name, member)).collect();
    backends
        .into_iter()
        .map(|mut backend| {
            let Some(&old) = known.get(&*backend.name) else {
                return newcomer(counted(backend, bounds));
            };
            if Arc::ptr_eq(&backend, &old.backend) {
                return old.clone();
            }
            if !Arc::ptr_eq(&backend.stats, &old.backend.stats) {
                backend =
                    Arc::new(Backend { stats: Arc::clone(&old.backend.stats), ..Backend::clone(&backend) });
            }
            if backend.address != old.backend.address {
                return newcomer(backend);
            }
            // One in the middle of its slow start stays in the middle of it.
            let scaled =
                u64::from(old.weight) * u64::from(backend.weight) / u64::from(old.backend.weight.max(1));
            let weight = u32::try_from(scaled).unwrap_or(backend.weight).clamp(1, backend.weight.max(1));
            Member { backend, weight, ..old.clone() }
        })
        .collect()
}

/// A backend that nothing was counted of, whose times are counted into these buckets.
fn counted(backend: Arc<Backend>, bounds: &Bounds) -> Arc<Backend> {
    if backend.stats.counts.bounds() == bounds {
        return backend;
    }
    Arc::new(Backend { stats: Arc::new(BackendStats::with_bounds(bounds)), ..Backend::clone(&backend) })
}

impl Shared for Pool {
    type Cells = PoolCells;

    fn cells(&self) -> PoolCells {
        self.counts.cells()
    }

    fn add(&self, cells: &PoolCells) {
        self.counts.add(cells);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Health;

    fn backend(name: &str, port: u16, weight: u32) -> Arc<Backend> {
        Arc::new(Backend { weight, ..Backend::new(name, ([127, 0, 0, 1], port)) })
    }

    fn pool() -> Pool {
        let pool = Pool::new("p", 0, &limits(), vec![backend("a", 1, 2000), backend("b", 2, 1000)]);
        pool.change(|members| {
            members[0].weight = 500;
            members[1].health = Health::Down;
        });
        for (place, member) in pool.topology().backends().iter().enumerate() {
            (0..=place).for_each(|_| member.stats.begin());
        }
        pool
    }

    fn limits() -> UpstreamLimits {
        UpstreamLimits::default()
    }

    /// Name, weight, healthy, in flight.
    fn members(pool: &Pool) -> Vec<(String, u32, bool, u64)> {
        let state = pool.state();
        let member = |member: &Member| {
            let Member { backend, weight, health } = member;
            (backend.name.to_string(), *weight, *health == Health::Up, backend.stats.in_flight())
        };
        state.members.iter().map(member).collect()
    }

    #[test]
    fn a_backend_that_stays_keeps_its_counters_and_how_it_stands() {
        let pool = pool();
        let next = || vec![backend("b", 2, 3000), backend("c", 3, 1000), backend("a", 1, 4000)];
        let expected = [("b", 3000, false, 2), ("c", 1000, true, 0), ("a", 1000, true, 1)]
            .map(|(name, weight, healthy, in_flight)| (name.to_owned(), weight, healthy, in_flight));
        assert_eq!(
            members(&pool.successor(1, &limits(), |members| members.file = next(), Member::healthy)),
            expected
        );
        pool.change_backends(|members| members.file = next(), Member::healthy);
        assert_eq!(members(&pool), expected);
        pool.change_backends(|members| members.file = vec![backend("b", 20, 1000)], Member::healthy);
        assert_eq!(members(&pool), [("b".to_owned(), 1000, true, 2)], "at another address it starts over");
    }

    #[test]
    fn an_older_configuration_does_not_see_later_backends() {
        let pool = pool();
        let [before, current, after] = [6, 7, 8].map(ConfigurationGeneration);
        pool.reconfigure(current, |members| members.file = vec![backend("c", 3, 1000)], Member::healthy);
        assert!(pool.topology_in(before).is_none());
        assert_eq!(pool.topology_in(current).map(|topology| topology.backends().len()), Some(1));
        assert!(pool.topology_in(after).is_some());
        // Later changes of the new backends don't show in the old configuration, either.
        pool.change(|members| members[0].health = Health::Down);
        assert!(pool.topology_in(before).is_none());
        assert_eq!(pool.topology_in(current).map(|topology| topology.eligible()), Some(0));
    }
}
