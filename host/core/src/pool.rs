//! A named set of backends, shared by all workers.

mod alarm;
mod connections;
mod limits;
mod queue;
mod retry_budget;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::Backend;
use crate::topology::{Member, Topology};

pub use alarm::Alarm;
pub use connections::Connections;
pub use limits::{QueueLimits, RetryLimits, UpstreamLimits};
pub use queue::{Place, Queue, StandBy};
pub use retry_budget::{RetryBudget, RetryCost};

/// Generation of a pool's first topology.
const FIRST: u64 = 1;

/// A pool: what all its workers, and every version of its policy, have in common.
#[derive(Debug)]
pub struct Pool {
    /// The pool's name.
    pub name: Box<str>,
    /// Seed of the hashes that policies ask for.
    pub hash_seed: u64,
    /// What the workers raise when a backend has failed too often in a row.
    pub alarm: Alarm,
    retry_budget: RetryBudget,
    queue: Queue,
    connections: Connections,
    max_in_flight: AtomicU64,
    present: Mutex<Present>,
    generation: AtomicU64,
}

/// How a pool stands at the moment.
#[derive(Debug)]
struct Present {
    /// What the topology is made of.
    members: Vec<Member>,
    panic_threshold: u32,
    topology: Arc<Topology>,
    /// The configuration that the members come from.
    configuration: u64,
}

impl Pool {
    /// A pool of these backends, all of them healthy.
    #[must_use]
    pub fn new(name: &str, hash_seed: u64, limits: &UpstreamLimits, backends: Vec<Arc<Backend>>) -> Self {
        let members = backends.into_iter().map(Member::healthy).collect();
        Self::of(name, hash_seed, limits, members, 0)
    }

    /// A pool of its own with these backends: what this one knows of them, it knows from the start. `newcomer` makes a
    /// member of a backend that isn't known.
    #[must_use]
    pub fn successor(
        &self,
        hash_seed: u64,
        limits: &UpstreamLimits,
        backends: Vec<Backend>,
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) -> Self {
        let present = self.present();
        let members = successors(&present.members, backends, newcomer);
        Self::of(&self.name, hash_seed, limits, members, present.panic_threshold)
    }

    fn of(
        name: &str,
        hash_seed: u64,
        limits: &UpstreamLimits,
        members: Vec<Member>,
        panic_threshold: u32,
    ) -> Self {
        let topology = Arc::new(Topology::of(FIRST, &members, panic_threshold));
        let max_in_flight = limits.max_in_flight();
        let present = Present { members, panic_threshold, topology, configuration: 0 };
        Self {
            name: name.into(),
            hash_seed,
            queue: Queue::default(),
            connections: Connections::default(),
            max_in_flight: AtomicU64::new(max_in_flight),
            alarm: Alarm::default(),
            retry_budget: RetryBudget::new(&limits.retry),
            present: Mutex::new(present),
            generation: AtomicU64::new(FIRST),
        }
    }

    /// The topology of this moment. Takes a lock: workers keep the answer and look at
    /// [`topology_generation`](Self::topology_generation).
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.present().topology)
    }

    /// The topology of this moment, unless it belongs to a later configuration than this one: whoever serves with an
    /// older one keeps the topology that goes with it.
    #[must_use]
    pub fn topology_in(&self, configuration: u64) -> Option<Arc<Topology>> {
        let present = self.present();
        (present.configuration <= configuration).then(|| Arc::clone(&present.topology))
    }

    /// Puts other backends in the place of those that are there. One that stays (by its name) keeps what was counted of
    /// it, and if it stays where it is (by its address), how it stands, too; `newcomer` makes a member of any other.
    pub fn replace_backends(&self, backends: Vec<Backend>, newcomer: impl Fn(Arc<Backend>) -> Member) {
        self.change(|members| *members = successors(members, backends, newcomer));
    }

    /// As [`replace_backends`](Self::replace_backends), as a part of a configuration: workers see the backends from the
    /// moment on in which they serve with that configuration.
    pub fn reconfigure(
        &self,
        configuration: u64,
        backends: Vec<Backend>,
        newcomer: impl Fn(Arc<Backend>) -> Member,
    ) {
        let mut present = self.present();
        present.configuration = configuration;
        present.members = successors(&present.members, backends, newcomer);
        self.publish(present);
    }

    /// Changes the members, and publishes the topology that comes of it, unless it is the same. Workers and policies see
    /// it at their next pick.
    ///
    /// `change` is called with the members as they are, under a lock: whoever else changes them waits, so no change is
    /// lost. Answers the generation of the topology that holds them.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Member>)) -> u64 {
        let mut present = self.present();
        change(&mut present.members);
        self.publish(present)
    }

    /// Below which share of healthy backends, percent, health is ignored; 0, which it is at first, is never.
    pub fn set_panic_threshold(&self, percent: u32) {
        let mut present = self.present();
        present.panic_threshold = percent;
        self.publish(present);
    }

    fn publish(&self, mut present: MutexGuard<'_, Present>) -> u64 {
        let generation = present.topology.generation() + 1;
        let topology = Topology::of(generation, &present.members, present.panic_threshold);
        if !topology.agrees_with(&present.topology) {
            present.topology = Arc::new(topology);
            self.generation.store(generation, Ordering::Release);
        }
        let generation = present.topology.generation();
        drop(present);
        // There may be backends with room now.
        self.queue.wake();
        generation
    }

    /// Requests that wait for a backend with room.
    #[inline]
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Requests in flight from which on policies are told that a backend is full.
    #[inline]
    #[must_use]
    pub fn max_in_flight(&self) -> u64 {
        self.max_in_flight.load(Ordering::Relaxed)
    }

    /// Changes what policies are told; what is claimed goes by the limits of the configuration that it belongs to.
    pub fn set_max_in_flight(&self, requests: u64) {
        self.max_in_flight.store(requests, Ordering::Relaxed);
    }

    /// How workers come to an agreement over connections.
    #[inline]
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// How many of its requests may be sent once more, and how many were.
    #[inline]
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
    }

    /// Generation of the topology of this moment: one atomic load.
    #[inline]
    #[must_use]
    pub fn topology_generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The members that these backends become, after those that were there.
fn successors(
    members: &[Member],
    backends: Vec<Backend>,
    newcomer: impl Fn(Arc<Backend>) -> Member,
) -> Vec<Member> {
    let known: HashMap<&str, &Member> =
        members.iter().map(|member| (&*member.backend.name, member)).collect();
    backends
        .into_iter()
        .map(|mut backend| {
            let Some(old) = known.get(&*backend.name) else { return newcomer(Arc::new(backend)) };
            backend.stats = Arc::clone(&old.backend.stats);
            if backend.address != old.backend.address {
                return newcomer(Arc::new(backend));
            }
            // Who has come half the way to its old weight has come half the way to the new one.
            let scaled =
                u64::from(old.weight) * u64::from(backend.weight) / u64::from(old.backend.weight.max(1));
            let weight = u32::try_from(scaled).unwrap_or(backend.weight).clamp(1, backend.weight.max(1));
            Member { backend: Arc::new(backend), weight, ..(*old).clone() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Source;
    use crate::topology::Health;

    fn backend(name: &str, port: u16, weight: u32) -> Backend {
        Backend {
            name: name.into(),
            address: ([127, 0, 0, 1], port).into(),
            weight,
            zone: "".into(),
            labels: [].into(),
            backup: false,
            draining: false,
            source: Source::File,
            stats: Arc::default(),
        }
    }

    fn pool() -> Pool {
        let pool =
            Pool::new("p", 0, &limits(), vec![backend("a", 1, 2000).into(), backend("b", 2, 1000).into()]);
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
        let present = pool.present();
        let member = |member: &Member| {
            let Member { backend, weight, health } = member;
            (backend.name.to_string(), *weight, *health == Health::Up, backend.stats.in_flight())
        };
        present.members.iter().map(member).collect()
    }

    #[test]
    fn a_backend_that_stays_keeps_its_counters_and_how_it_stands() {
        let pool = pool();
        let next = || vec![backend("b", 2, 3000), backend("c", 3, 1000), backend("a", 1, 4000)];
        let expected = [("b", 3000, false, 2), ("c", 1000, true, 0), ("a", 1000, true, 1)]
            .map(|(name, weight, healthy, in_flight)| (name.to_owned(), weight, healthy, in_flight));
        assert_eq!(members(&pool.successor(1, &limits(), next(), Member::healthy)), expected);
        pool.replace_backends(next(), Member::healthy);
        assert_eq!(members(&pool), expected);
        pool.replace_backends(vec![backend("b", 20, 1000)], Member::healthy);
        assert_eq!(members(&pool), [("b".to_owned(), 1000, true, 2)], "at another address it begins anew");
    }

    #[test]
    fn an_older_configuration_does_not_see_later_backends() {
        let pool = pool();
        pool.reconfigure(7, vec![backend("c", 3, 1000)], Member::healthy);
        assert!(pool.topology_in(6).is_none());
        assert_eq!(pool.topology_in(7).map(|topology| topology.backends().len()), Some(1));
        assert!(pool.topology_in(8).is_some());
        // What happens to the new backends is no business of the old configuration, either.
        pool.change(|members| members[0].health = Health::Down);
        assert!(pool.topology_in(6).is_none());
        assert_eq!(pool.topology_in(7).map(|topology| topology.eligible()), Some(0));
    }
}
