//! The pools of a configuration, and what becomes of those of the one before.

use std::sync::Arc;

use crate::backend::Backend;
use crate::config::{BackendConfig, PoolConfig, UpstreamLimits};
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
    Pool::new(&config.name, config.hash_seed, described(config).into_iter().map(Arc::new).collect())
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
    let successor = || Arc::new(old.pool.successor(config.hash_seed, described(config)));
    if config.hash_seed != old_config.hash_seed {
        // To a policy this is another pool: all hashes are.
        return Next { pool: successor(), limits, rehearsal: None };
    }
    let rehearsal = (config.backends != old_config.backends).then(successor);
    Next { pool: Arc::clone(&old.pool), limits, rehearsal }
}

/// The backends as the configuration describes them. Nothing is known of them yet.
pub(super) fn described(config: &PoolConfig) -> Vec<Backend> {
    let described = |backend: &BackendConfig| Backend {
        name: backend.name.as_str().into(),
        address: backend.address,
        weight: backend.weight * pointsman_sdk::abi::WEIGHT_UNIT,
        zone: backend.zone.as_str().into(),
        labels: backend.labels.clone().into(),
        backup: backend.backup,
        draining: backend.draining,
        stats: Arc::default(),
    };
    config.backends.iter().map(described).collect()
}
