//! The pools of a configuration, and what becomes of those of the one before.

use std::sync::Arc;

use crate::backend::{Backend, Source};
use crate::config::{BackendConfig, PoolConfig, UpstreamLimits};
use crate::discovery::DiscoveredPool;
use crate::health::{Assignment, HealthSettings};
use crate::pool::Pool;

/// A pool at work.
#[derive(Debug, Clone)]
pub(super) struct AtWork {
    pub(super) pool: Arc<Pool>,
    pub(super) limits: Arc<UpstreamLimits>,
}

/// A pool of the next configuration.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) pool: Arc<Pool>,
    pub(super) limits: Arc<UpstreamLimits>,
    /// The pool as it is going to be, if it is at work already and gets other backends.
    pub(super) rehearsal: Option<Arc<Pool>>,
}

/// A pool that there wasn't before.
pub(super) fn new(config: &PoolConfig) -> Pool {
    let backends = described(config).into_iter().map(Arc::new).collect();
    Pool::new(&config.name, config.hash_seed, &config.limits, backends)
}

/// A pool after the one of the same name.
pub(super) fn next(config: &PoolConfig, before: Option<(&PoolConfig, &AtWork)>) -> Next {
    let Some((old_config, old)) = before else {
        return Next {
            pool: Arc::new(new(config)),
            limits: Arc::new(config.limits.clone()),
            rehearsal: None,
        };
    };
    let limits = if config.limits == old_config.limits {
        Arc::clone(&old.limits)
    } else {
        Arc::new(config.limits.clone())
    };
    let successor = || {
        let health = HealthSettings::of(config);
        let newcomer = |backend| health.newcomer(backend);
        let backends = with_discovered(&old.pool, config);
        Arc::new(old.pool.successor(config.hash_seed, &config.limits, backends, newcomer))
    };
    if config.hash_seed != old_config.hash_seed {
        // To a policy this is another pool: all hashes are.
        return Next { pool: successor(), limits, rehearsal: None };
    }
    let same = config.backends == old_config.backends && config.discovered == old_config.discovered;
    let rehearsal = (!same).then(successor);
    Next { pool: Arc::clone(&old.pool), limits, rehearsal }
}

/// The backends as the configuration describes them. Nothing is known of them yet.
fn described(config: &PoolConfig) -> Vec<Backend> {
    let described = |backend: &BackendConfig| Backend {
        name: backend.name.as_str().into(),
        address: backend.address,
        weight: backend.weight * pointsman_sdk::abi::WEIGHT_UNIT,
        zone: backend.zone.as_str().into(),
        labels: backend.labels.clone().into(),
        backup: backend.backup,
        draining: backend.draining,
        source: Source::File,
        stats: Arc::default(),
    };
    config.backends.iter().map(described).collect()
}

/// The same, and those that DNS has named so far for an entry that stays: they go on serving until it says otherwise.
fn with_discovered(pool: &Pool, config: &PoolConfig) -> Vec<Backend> {
    let mut backends = described(config);
    let topology = pool.topology();
    let discovered = topology.backends().iter().filter(|backend| {
        let Source::Dns { entry } = &backend.source else { return false };
        let stays = config.discovered.iter().any(|known| *known.name == **entry);
        stays && !backends.iter().any(|known| known.name == backend.name)
    });
    let discovered: Vec<Backend> = discovered.map(|backend| Backend::clone(backend)).collect();
    backends.extend(discovered);
    backends
}

/// A pool that DNS fills, or a part of it.
pub(super) fn discovered(pool: &AtWork, config: &PoolConfig) -> DiscoveredPool {
    let health = Arc::new(HealthSettings::of(config));
    DiscoveredPool { pool: Arc::clone(&pool.pool), entries: config.discovered.clone(), health }
}

/// Lets a pool at work have the backends of a configuration.
pub(super) fn reconfigure(pool: &Pool, number: u64, config: &PoolConfig) {
    let health = HealthSettings::of(config);
    let backends = with_discovered(pool, config);
    pool.reconfigure(number, backends, |backend| health.newcomer(backend));
}

/// What is wanted of the health of a pool.
pub(super) fn assignment(pool: &AtWork, config: &PoolConfig) -> Assignment {
    Assignment { pool: Arc::clone(&pool.pool), settings: Arc::new(HealthSettings::of(config)) }
}
