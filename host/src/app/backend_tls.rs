//! TLS towards the backends of a configuration's pools.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::{Config, ConfigError, ConfigErrors, PoolConfig};
use crate::control::watch::ServedTls;
use crate::tls::{self, BackendTls, TlsFault};

use super::certificates::in_section;
use super::pools::ActivePool;

/// Loads what the handshakes with backends are made with, in the order of the pools. What is the same as for the pool of this name
/// `before` is kept; what can't be loaded goes to `faults`.
pub(super) fn load(
    config: &Config,
    file: &Path,
    before: &[(&PoolConfig, &ActivePool)],
    faults: &mut Vec<ConfigError>,
) -> Vec<Option<Arc<BackendTls>>> {
    let load = |pool: &PoolConfig| {
        let config = pool.tls.as_ref()?;
        let old = before.iter().find(|(old, _)| old.name == pool.name);
        let old = old.and_then(|(_, active)| active.tls.as_ref());
        if let Some(same) = old.filter(|old| old.config() == config) {
            return Some(Arc::clone(same));
        }
        let found = BackendTls::load(config).map(Arc::new);
        found.map_err(|found| faults.extend(found.into_iter().map(in_file(file, pool)))).ok()
    };
    config.pools.iter().map(load).collect()
}

/// Loads all, and answers what should be known of it though it can be used.
pub(super) fn check(config: &Config, file: &Path) -> Result<Vec<ConfigError>, ConfigErrors> {
    let mut faults = Vec::new();
    let loaded = load(config, file, &[], &mut faults);
    ConfigErrors::none_or(faults)?;
    Ok(warnings(config, file, &loaded))
}

/// What should be known though it can be used.
pub(super) fn warnings(config: &Config, file: &Path, loaded: &[Option<Arc<BackendTls>>]) -> Vec<ConfigError> {
    let pools = config.pools.iter().zip(loaded);
    let all = pools.filter_map(|(pool, tls)| Some((pool, tls.as_ref()?)));
    let now = SystemTime::now();
    all.flat_map(|(pool, tls)| tls.warnings(now).into_iter().map(in_file(file, pool))).collect()
}

/// A pool whose TLS has files to follow.
pub(super) fn watched(pool: &ActivePool) -> Option<ServedTls> {
    let tls = pool.tls.as_ref().filter(|tls| tls.files().next().is_some())?;
    Some(ServedTls::Pool(pool.pool.name.clone(), Arc::clone(tls)))
}

/// The files that a configuration names, whether or not they exist.
pub(super) fn files(config: &Config) -> impl Iterator<Item = PathBuf> {
    config.pools.iter().filter_map(|pool| pool.tls.as_ref()).flat_map(tls::backend_files)
}

fn in_file<'a>(file: &'a Path, pool: &'a PoolConfig) -> impl Fn(TlsFault) -> ConfigError + 'a {
    in_section(file, format!("pool.{}.tls", pool.name), pool.tls.as_ref().map(|tls| tls.line))
}
