//! The policies that a configuration puts to work: one for each pool, and one for each route that has its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::Backend;
use crate::config::{BackendConfig, Config, ConfigError, ConfigErrors, PolicyConfig, PoolConfig};
use crate::control::plugin_file;
use crate::policy::{Cells, Opened, Plugin, PolicyLoader, PolicySettings};
use crate::pool::Pool;

/// A policy at the place where the configuration names it.
#[derive(Debug)]
pub(super) struct Use<'a> {
    /// Index of the pool that it picks from.
    pool: usize,
    policy: &'a PolicyConfig,
    key: String,
}

/// All uses: the pools' own in their order, then those of the routes that have one.
pub(super) fn uses(config: &Config) -> Vec<Use<'_>> {
    let of_pools = config.pools.iter().enumerate().map(|(index, pool)| Use {
        pool: index,
        policy: &pool.policy,
        key: format!("pool.{}.policy", pool.name),
    });
    let of_routes = config.routes.iter().enumerate().filter_map(|(index, route)| {
        let policy = route.policy.as_ref()?;
        Some(Use { pool: route.pool, policy, key: format!("route[{index}].policy") })
    });
    of_pools.chain(of_routes).collect()
}

/// Puts every plugin through admission.
pub(super) fn check(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<(), ConfigErrors> {
    for_each_use(config, file, |used, pool, plugin| {
        loader.check(pool, PolicySettings::from(used.policy), plugin).map(drop)
    })
    .map(drop)
}

/// Opens a slot for every use.
pub(super) fn open(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<Vec<Opened>, ConfigErrors> {
    for_each_use(config, file, |used, pool, plugin| {
        loader.open(pool, PolicySettings::from(used.policy), Arc::new(Cells::default()), plugin)
    })
}

/// Does something with every use and its plugin, and says everything that goes wrong.
fn for_each_use<T, E: std::error::Error>(
    config: &Config,
    file: &Path,
    mut act: impl FnMut(&Use<'_>, Arc<Pool>, Plugin) -> Result<T, E>,
) -> Result<Vec<T>, ConfigErrors> {
    let pools: Vec<Arc<Pool>> = config.pools.iter().map(shared).collect();
    let mut done = Vec::new();
    let mut faults = Vec::new();
    for used in uses(config) {
        let result = plugin_file::find(&used.policy.source, config.policy_dir.as_deref())
            .map_err(|error| used.fault(file, &error))
            .and_then(|plugin| {
                act(&used, Arc::clone(&pools[used.pool]), plugin).map_err(|error| used.fault(file, &error))
            });
        match result {
            Ok(result) => done.push(result),
            Err(fault) => faults.push(fault),
        }
    }
    ConfigErrors::none_or(faults)?;
    Ok(done)
}

impl Use<'_> {
    /// The file whose content the policy follows; `None` if it is a bundled one for good.
    pub(super) fn file(&self, config: &Config) -> Option<PathBuf> {
        plugin_file::path(&self.policy.source, config.policy_dir.as_deref())
    }

    fn fault(&self, file: &Path, error: &dyn std::error::Error) -> ConfigError {
        ConfigError {
            file: file.into(),
            line: Some(self.policy.line),
            key: self.key.clone(),
            message: error.to_string(),
            hint: String::new(),
        }
    }
}

fn shared(pool: &PoolConfig) -> Arc<Pool> {
    let backends = pool.backends.iter().map(|backend| Arc::new(described(backend))).collect();
    Arc::new(Pool::new(&pool.name, pool.hash_seed, pool.limits.clone(), backends))
}

fn described(backend: &BackendConfig) -> Backend {
    Backend {
        name: backend.name.as_str().into(),
        address: backend.address,
        weight: backend.weight * pointsman_sdk::abi::WEIGHT_UNIT,
        zone: backend.zone.as_str().into(),
        labels: backend.labels.clone().into(),
        backup: backend.backup,
        draining: backend.draining,
        stats: Arc::default(),
    }
}
