//! The pools of a configuration, and which of the running ones stay.

use std::sync::Arc;

use pointsman_core::backend::{Attributes, Backend, ConfigurationGeneration, Source};
use pointsman_core::pool::{Members, Pool, UpstreamLimits};

use crate::config::{BackendConfig, PoolConfig};
use crate::control::status::PoolStatus;
use crate::discovery::DiscoveredPool;
use crate::health::{Assignment, HealthSettings};
use crate::tls::BackendTls;

/// A pool of the running configuration.
#[derive(Debug, Clone)]
pub(super) struct ActivePool {
    pub(super) pool: Arc<Pool>,
    pub(super) limits: Arc<UpstreamLimits>,
    /// TLS towards its backends.
    pub(super) tls: Option<Arc<BackendTls>>,
}

impl ActivePool {
    /// What is published of it.
    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus { pool: Arc::clone(&self.pool), limits: Arc::clone(&self.limits) }
    }
}

/// A pool of the next configuration.
#[derive(Debug)]
pub(super) struct PreparedPool {
    pub(super) pool: Arc<Pool>,
    pub(super) limits: Arc<UpstreamLimits>,
    /// A copy with the coming backends, if it is an active pool that gets other ones: policies are checked with it.
    pub(super) rehearsal: Option<Arc<Pool>>,
}

/// A new pool.
pub(super) fn new(config: &PoolConfig) -> Pool {
    Pool::new(&config.name, config.hash_seed, &config.limits, described(config))
}

/// The pool of this configuration. An active pool of the same name is kept unless its hash seed changes.
pub(super) fn prepare(config: &PoolConfig, before: Option<(&PoolConfig, &ActivePool)>) -> PreparedPool {
    let Some((old_config, old)) = before else {
        return PreparedPool {
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
        let change = |members: &mut Members| apply(config, members);
        Arc::new(old.pool.successor(config.hash_seed, &config.limits, change, newcomer))
    };
    if config.hash_seed != old_config.hash_seed {
        // All hashes change, so to a policy this is another pool.
        return PreparedPool { pool: successor(), limits, rehearsal: None };
    }
    let same = config.backends == old_config.backends && config.discovered == old_config.discovered;
    let rehearsal = (!same).then(successor);
    PreparedPool { pool: Arc::clone(&old.pool), limits, rehearsal }
}

/// The backends of the file, as it describes them.
fn described(config: &PoolConfig) -> Vec<Arc<Backend>> {
    let described = |backend: &BackendConfig| {
        Arc::new(Backend {
            weight: backend.weight * pointsman_sdk::abi::WEIGHT_UNIT,
            attributes: Attributes {
                zone: backend.zone.as_str().into(),
                labels: backend.labels.clone().into(),
            },
            limits: backend.limits,
            backup: backend.backup,
            draining: backend.draining,
            host: backend.host.as_deref().map(Into::into),
            ..Backend::new(backend.name.as_str(), backend.address.clone())
        })
    };
    config.backends.iter().map(described).collect()
}

/// Applies a configuration to the backends of a pool. The discovered ones of an entry that stays go on serving until discovery
/// says otherwise.
fn apply(config: &PoolConfig, members: &mut Members) {
    members.file = described(config);
    members.discovered.retain(|backend| match &backend.source {
        Source::Discovery { entry } => config.discovered.iter().any(|known| *known.name == **entry),
        Source::File | Source::Operator => false,
    });
}

/// A pool with backends from discovery.
pub(super) fn discovered(pool: &ActivePool, config: &PoolConfig) -> DiscoveredPool {
    let health = Arc::new(HealthSettings::of(config));
    DiscoveredPool { pool: Arc::clone(&pool.pool), entries: config.discovered.clone(), health }
}

/// Gives an active pool the backends of a configuration.
pub(super) fn reconfigure(pool: &Pool, generation: ConfigurationGeneration, config: &PoolConfig) {
    let health = HealthSettings::of(config);
    pool.reconfigure(generation, |members| apply(config, members), |backend| health.newcomer(backend));
}

/// A pool with its health settings.
pub(super) fn assignment(pool: &ActivePool, config: &PoolConfig) -> Assignment {
    let settings = HealthSettings::of(config).over(pool.tls.clone());
    Assignment { pool: Arc::clone(&pool.pool), settings: Arc::new(settings) }
}
