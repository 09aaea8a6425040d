//! A named set of backends, shared by all workers.

mod alarm;
mod retry_budget;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::Backend;
use crate::config::UpstreamLimits;
use crate::topology::{Member, Topology};

pub use alarm::Alarm;
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
    /// Timeouts and limits towards the backends.
    pub limits: UpstreamLimits,
    /// What the workers raise when a backend has failed too often in a row.
    pub alarm: Alarm,
    retry_budget: RetryBudget,
    present: Mutex<Present>,
    generation: AtomicU64,
}

/// How a pool stands at the moment. The topology is what comes of the other two.
#[derive(Debug)]
struct Present {
    members: Vec<Member>,
    panic_threshold: u32,
    topology: Arc<Topology>,
}

impl Pool {
    /// A pool of these backends, all of them healthy.
    #[must_use]
    pub fn new(name: &str, hash_seed: u64, limits: UpstreamLimits, backends: Vec<Arc<Backend>>) -> Self {
        let members: Vec<Member> = backends.into_iter().map(Member::healthy).collect();
        let topology = Arc::new(Topology::of(FIRST, &members, 0));
        let present = Mutex::new(Present { members, panic_threshold: 0, topology });
        Self {
            name: name.into(),
            hash_seed,
            retry_budget: RetryBudget::new(&limits.retry),
            limits,
            alarm: Alarm::default(),
            present,
            generation: AtomicU64::new(FIRST),
        }
    }

    /// The topology of this moment. Takes a lock: workers keep the answer and look at
    /// [`topology_generation`](Self::topology_generation).
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.present().topology)
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
        present.topology.generation()
    }

    /// How many of its requests may be sent once more, and how many were.
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
    }

    /// Generation of the topology of this moment: one atomic load.
    #[must_use]
    pub fn topology_generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
