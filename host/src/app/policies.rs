//! The policies that a configuration puts to work: one for each pool, and one for each route that has its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, ConfigError, ConfigErrors, HostPattern, PolicyConfig, PolicySource};
use crate::control::plugin_file;
use crate::control::watch::Watched;
use crate::policy::{Cells, Picker, Plugin, PolicyLoader, PolicySettings, PolicySlot};
use crate::pool::Pool;

use super::pools;

/// A policy at the place where the configuration names it.
#[derive(Debug)]
struct Use<'a> {
    /// Index of the pool that it picks from.
    pool: usize,
    place: Place,
    policy: &'a PolicyConfig,
    key: String,
}

/// What a policy is there for. Its state in the host belongs to this.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Pool(String),
    Route { host: HostPattern, path: String, pool: String },
}

/// A policy at work, and what it was made of.
#[derive(Debug, Clone)]
pub(super) struct AtWork {
    place: Place,
    source: PolicySource,
    /// The file whose content it follows; `None` if it is a bundled one for good.
    file: Option<PathBuf>,
    settings: PolicySettings,
    cells: Arc<Cells>,
    /// Index of the pool that it picks from.
    pub(super) pool: usize,
    pub(super) slot: Arc<PolicySlot>,
    /// The place in words, as a key of the configuration.
    pub(super) key: String,
}

/// All uses: the pools' own in their order, then those of the routes that have one.
fn uses(config: &Config) -> Vec<Use<'_>> {
    let of_pools = config.pools.iter().enumerate().map(|(index, pool)| Use {
        pool: index,
        place: Place::Pool(pool.name.clone()),
        policy: &pool.policy,
        key: format!("pool.{}.policy", pool.name),
    });
    let of_routes = config.routes.iter().enumerate().filter_map(|(index, route)| {
        let policy = route.policy.as_ref()?;
        let pool = config.pools[route.pool].name.clone();
        let place = Place::Route { host: route.host.clone(), path: route.path.clone(), pool };
        Some(Use { pool: route.pool, place, policy, key: format!("route[{index}].policy") })
    });
    of_pools.chain(of_routes).collect()
}

/// Index of the policy that picks for each route.
pub(super) fn of_routes(config: &Config) -> Vec<usize> {
    let mut own = config.pools.len()..;
    let policies = config.routes.iter().map(|route| match route.policy {
        Some(_) => own.next().unwrap_or(route.pool),
        None => route.pool,
    });
    policies.collect()
}

/// Puts every plugin through admission.
pub(super) fn check(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<(), ConfigErrors> {
    let pools: Vec<Arc<Pool>> = config.pools.iter().map(|pool| Arc::new(pools::new(pool))).collect();
    let faults = uses(config).into_iter().filter_map(|used| {
        let plugin = used.plugin(config, file);
        let checked = plugin.and_then(|plugin| {
            let settings = PolicySettings::from(used.policy);
            let checked = loader.check(Arc::clone(&pools[used.pool]), settings, plugin);
            checked.map_err(|refusal| used.fault(file, &refusal))
        });
        checked.err()
    });
    ConfigErrors::none_or(faults.collect())
}

/// Puts the policies to work: those of `before` that stay as they are, and new ones, each with a picker for every worker.
/// What can't be put to work goes to `faults`.
pub(super) fn open(
    config: &Config,
    file: &Path,
    loader: &PolicyLoader,
    pools: &[pools::Next],
    before: &[AtWork],
    faults: &mut Vec<ConfigError>,
) -> Vec<(AtWork, Option<Vec<Picker>>)> {
    let open = |used: Use<'_>| {
        let pool = &pools[used.pool];
        let old = before.iter().find(|old| old.place == used.place);
        let settings = PolicySettings::from(used.policy);
        let follows = plugin_file::path(&used.policy.source, config.policy_dir.as_deref());
        if let Some(old) = old
            && (&old.source, &old.file, &old.settings) == (&used.policy.source, &follows, &settings)
            && Arc::ptr_eq(old.slot.pool(), &pool.pool)
        {
            return Ok((AtWork { pool: used.pool, key: used.key, ..old.clone() }, None));
        }
        let plugin = used.plugin(config, file)?;
        let fault = |refusal| used.fault(file, &refusal);
        if let Some(rehearsal) = &pool.rehearsal {
            // The pool itself still has the backends from before.
            loader.check(Arc::clone(rehearsal), settings.clone(), plugin.clone()).map_err(fault)?;
        }
        let cells = old.map_or_else(Arc::default, |old| Arc::clone(&old.cells));
        let opened = loader
            .open(Arc::clone(&pool.pool), settings.clone(), Arc::clone(&cells), plugin)
            .map_err(fault)?;
        let source = used.policy.source.clone();
        let Use { pool, place, key, .. } = used;
        let policy = AtWork { place, source, file: follows, settings, cells, pool, slot: opened.slot, key };
        Ok((policy, Some(opened.pickers)))
    };
    let opened = uses(config).into_iter().map(open);
    opened.filter_map(|opened| opened.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// The plugin files that a configuration names, whether or not they exist.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    let file = |used: Use<'_>| plugin_file::path(&used.policy.source, config.policy_dir.as_deref());
    uses(config).into_iter().filter_map(file).collect()
}

impl AtWork {
    /// What to follow for it.
    pub(super) fn watched(&self) -> Option<Watched> {
        Some(Watched { path: self.file.clone()?, slot: Arc::clone(&self.slot) })
    }
}

impl Use<'_> {
    fn plugin(&self, config: &Config, file: &Path) -> Result<Plugin, ConfigError> {
        plugin_file::find(&self.policy.source, config.policy_dir.as_deref())
            .map_err(|error| self.fault(file, &error))
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
