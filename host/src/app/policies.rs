//! The policies that a configuration puts to work: one for each pool, and one for each route that has its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::Backend;
use crate::config::{
    BackendConfig, Config, ConfigError, ConfigErrors, PolicyConfig, PoolConfig, RouteConfig,
};
use crate::control::archive::{Archive, UsedAt};
use crate::control::plugin_file;
use crate::policy::{Opened, Plugin, PolicyLoader, PolicySettings, Quarantine, Refusal, VersionId};
use crate::pool::Pool;

/// A policy at the place where the configuration names it.
#[derive(Debug)]
pub(super) struct Use<'a> {
    /// Index of the pool that it picks from.
    pool: usize,
    policy: &'a PolicyConfig,
    /// The route that it picks for, if it isn't the pool's own.
    route: Option<&'a RouteConfig>,
    key: String,
}

/// All uses: the pools' own in their order, then those of the routes that have one.
pub(super) fn uses(config: &Config) -> Vec<Use<'_>> {
    let of_pools = config.pools.iter().enumerate().map(|(index, pool)| Use {
        pool: index,
        policy: &pool.policy,
        route: None,
        key: format!("pool.{}.policy", pool.name),
    });
    let of_routes = config.routes.iter().enumerate().filter_map(|(index, route)| {
        let policy = route.policy.as_ref()?;
        Some(Use { pool: route.pool, policy, route: Some(route), key: format!("route[{index}].policy") })
    });
    of_pools.chain(of_routes).collect()
}

/// Puts every plugin through admission.
pub(super) fn check(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<(), ConfigErrors> {
    for_each_use(config, file, |used, pool, plugin| loader.check(pool, used.settings(), plugin).map(drop))
        .map(drop)
}

/// Opens a slot for every use.
///
/// A plugin file that can't serve doesn't keep the proxy from starting if the archive has a version that could.
pub(super) fn open(
    config: &Config,
    file: &Path,
    loader: &PolicyLoader,
    archive: Option<&Archive>,
) -> Result<Vec<Opened>, ConfigErrors> {
    for_each_use(config, file, |used, pool, plugin| {
        let Some(archive) = archive.filter(|_| !plugin.is_bundled()) else {
            return loader.open(pool, used.settings(), Arc::default(), plugin);
        };
        let used_at = UsedAt::of(&pool, &used.settings(), &plugin.origin);
        let quarantine = archive.quarantine(&used_at);
        let quarantine = quarantine.filter(|kept_out| kept_out.version == VersionId::of(&plugin.content));
        let opened = match &quarantine {
            Some(Quarantine { reason, .. }) => Err(Refusal::Quarantined { reason: reason.clone() }),
            None => loader.open(Arc::clone(&pool), used.settings(), Arc::default(), plugin),
        };
        opened.or_else(|refusal| {
            let Some(good) = archive.last_good(&used_at) else { return Err(refusal) };
            // What stands in the file is what the operator has to know of, whatever becomes of the copy.
            let opened = loader.open(pool, used.settings(), Arc::default(), good);
            let opened = opened.map_err(|_| refusal.clone())?;
            let UsedAt { pool, route, file } = used_at;
            let version = opened.slot.serving().version.id;
            tracing::error!(
                pool, route, file, %version,
                "the plugin file can't serve; the last good version does, until the file is mended: {refusal}"
            );
            opened.slot.set_quarantine(quarantine);
            Ok(opened)
        })
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

    fn settings(&self) -> PolicySettings {
        let route = self.route.map(|route| route.to_string().into());
        PolicySettings { route, ..PolicySettings::from(self.policy) }
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
