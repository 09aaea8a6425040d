//! A named set of backends, shared by all workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::UpstreamLimits;
use crate::topology::Topology;

/// A pool: what all its workers, and every version of its policy, have in common.
#[derive(Debug)]
pub struct Pool {
    /// The pool's name.
    pub name: Box<str>,
    /// Seed of the hashes that policies ask for.
    pub hash_seed: u64,
    /// Timeouts and limits towards the backends.
    pub limits: UpstreamLimits,
    topology: Mutex<Arc<Topology>>,
    generation: AtomicU64,
}

impl Pool {
    /// A pool with its first topology.
    #[must_use]
    pub fn new(name: &str, hash_seed: u64, limits: UpstreamLimits, topology: Topology) -> Self {
        let generation = AtomicU64::new(topology.generation());
        Self { name: name.into(), hash_seed, limits, topology: Mutex::new(Arc::new(topology)), generation }
    }

    /// The topology of this moment. Takes a lock: workers keep the answer and look at
    /// [`topology_generation`](Self::topology_generation).
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a topology in the place of the present one. Workers and policies see it at their next pick.
    pub fn publish(&self, topology: Topology) {
        let generation = topology.generation();
        let mut present = self.topology.lock().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(topology);
        self.generation.store(generation, Ordering::Release);
    }

    /// Generation of the topology of this moment: one atomic load.
    #[must_use]
    pub fn topology_generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}
