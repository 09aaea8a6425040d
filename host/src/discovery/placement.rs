//! The discovered backends of a pool: which come, stay and leave. Which of them become members is for the pool to say.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use pointsman_core::backend::{Attributes, Backend, BackendStats, Source};
use pointsman_core::pool::Pool;
use pointsman_sdk::abi::WEIGHT_UNIT;

use crate::config::DiscoveredConfig;
use crate::health::HealthSettings;

use super::resolved::{ResolvedBackend, WHOLE};
use super::wanted::DiscoveredPool;

/// A pool and its entries whose backends are discovered.
#[derive(Debug)]
pub(super) struct Placement {
    pool: Arc<Pool>,
    entries: Vec<DiscoveredConfig>,
    health: Arc<HealthSettings>,
    /// The discovered members of the pool.
    placed: Vec<Arc<Backend>>,
    /// Numbers of backends that left while requests were running there, so that a returning one continues them.
    departed: HashMap<Box<str>, Weak<BackendStats>>,
}

/// The size of a change.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) came: usize,
    pub(super) left: usize,
    /// Discovered members of the pool after it.
    pub(super) present: usize,
}

impl Placement {
    /// Nothing has been placed yet.
    pub(super) fn new(pool: DiscoveredPool) -> Self {
        let DiscoveredPool { pool, entries, health } = pool;
        Self { pool, entries, health, placed: Vec::new(), departed: HashMap::new() }
    }

    /// Continues from an older state of the same pool.
    pub(super) fn succeed(self, old: Self) -> Self {
        Self { placed: old.placed, departed: old.departed, ..self }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn entries(&self) -> &[DiscoveredConfig] {
        &self.entries
    }

    /// Gives the pool the backends that were found for its entries; `None` if it has these already.
    pub(super) fn place<'a>(
        &mut self,
        found: impl Fn(&DiscoveredConfig) -> Option<&'a [ResolvedBackend]>,
    ) -> Option<Moved> {
        let wanted = self.wanted(found);
        let before = discovered(&self.pool);
        self.pool
            .change_backends(|members| members.discovered = wanted, |backend| self.health.newcomer(backend));
        let placed = discovered(&self.pool);
        let is_same = before.len() == placed.len()
            && before.iter().zip(&placed).all(|(before, placed)| Arc::ptr_eq(before, placed));
        // Their numbers are kept only for as long as others hold them.
        drop(before);

        let names: HashSet<&str> = self.placed.iter().map(|backend| &*backend.name).collect();
        let stay: HashSet<&str> = placed.iter().map(|backend| &*backend.name).collect();
        let left = self.placed.iter().filter(|backend| !stay.contains(&*backend.name));
        let left: Vec<_> = left.map(|left| (left.name.clone(), Arc::downgrade(&left.stats))).collect();
        let came = placed.iter().filter(|backend| !names.contains(&*backend.name)).count();
        let moved = Moved { came, left: left.len(), present: placed.len() };
        self.placed = placed;
        self.departed.extend(left);
        self.departed.retain(|_, stats| stats.strong_count() > 0);
        (!is_same).then_some(moved)
    }

    /// The backends that were found, in the order of the entries. Those that are as before are the same objects.
    fn wanted<'a>(
        &self,
        found: impl Fn(&DiscoveredConfig) -> Option<&'a [ResolvedBackend]>,
    ) -> Vec<Arc<Backend>> {
        let placed: HashMap<&str, _> = self.placed.iter().map(|backend| (&*backend.name, backend)).collect();
        let backends = self.entries.iter().flat_map(|entry| {
            let found = found(entry).unwrap_or_default().iter();
            found.map(move |found| described(entry, found))
        });
        let known = |backend: Backend| match placed.get(&*backend.name) {
            Some(before) if is_same(before, &backend) => Arc::clone(before),
            before => {
                let departed = || self.departed.get(&backend.name).and_then(Weak::upgrade);
                let stats = before.map(|before| Arc::clone(&before.stats)).or_else(departed);
                Arc::new(Backend { stats: stats.unwrap_or_default(), ..backend })
            }
        };
        backends.map(known).collect()
    }
}

/// The discovered members of a pool, in their order.
fn discovered(pool: &Pool) -> Vec<Arc<Backend>> {
    let topology = pool.topology();
    let is_discovered = |backend: &&Arc<Backend>| matches!(backend.source, Source::Discovery { .. });
    topology.backends().iter().filter(is_discovered).cloned().collect()
}

/// A new backend of an entry.
fn described(entry: &DiscoveredConfig, found: &ResolvedBackend) -> Backend {
    Backend {
        weight: (entry.weight * WEIGHT_UNIT / WHOLE * found.share).max(1),
        attributes: Attributes { zone: entry.zone.as_str().into(), labels: entry.labels.clone().into() },
        limits: entry.limits,
        backup: entry.backup || found.backup,
        draining: entry.draining,
        source: Source::Discovery { entry: entry.name.as_str().into() },
        host: Some((*found.host).into()),
        ..Backend::new(format!("{}/{}", entry.name, found.address), found.address)
    }
}

/// Whether two backends of one name have the same description.
fn is_same(one: &Backend, other: &Backend) -> bool {
    one.address == other.address
        && one.host == other.host
        && one.weight == other.weight
        && one.attributes == other.attributes
        && one.limits == other.limits
        && one.backup == other.backup
        && one.draining == other.draining
        && one.source == other.source
}

#[cfg(test)]
mod tests;
