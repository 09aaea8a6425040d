//! A pool as one worker sees it.

use std::sync::Arc;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::pool::Pool;
use pointsman_core::topology::Topology;

/// The topology of a pool that a worker picks in.
#[derive(Debug)]
pub(super) struct PoolView {
    /// The slot's pool, referenced directly: a pick reads it through one pointer and not three.
    pool: Arc<Pool>,
    pub(super) topology: Arc<Topology>,
    /// The configuration that the worker serves with. The topologies of later ones aren't for it yet.
    pub(super) configuration: ConfigurationGeneration,
}

impl PoolView {
    /// Before the worker's first configuration.
    pub(super) fn new(pool: Arc<Pool>, topology: Arc<Topology>) -> Self {
        Self { pool, topology, configuration: ConfigurationGeneration::default() }
    }

    /// Whether the pool has another topology: one atomic load.
    #[inline]
    pub(super) fn is_outdated(&self) -> bool {
        self.pool.topology_generation() != self.topology.generation()
    }

    /// Changes to the pool's current topology, unless it belongs to a later configuration.
    pub(super) fn refresh(&mut self) {
        if let Some(topology) = self.pool.topology_in(self.configuration) {
            self.topology = topology;
        }
    }
}
