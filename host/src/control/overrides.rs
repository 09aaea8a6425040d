//! What operators have changed of backends while the proxy runs: an overlay over the configuration file.
//!
//! A reload keeps an override unless the file's value of that very key has changed since: then the file wins. With a `state_dir` they
//! outlive the process.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_core::pool::Override;
use pointsman_sdk::abi::WEIGHT_UNIT;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::{regular_file, whole_file};

/// The file in `state_dir`.
const FILE: &str = "overrides.json";

/// Largest such file, bytes.
const FILE_BYTES: usize = 16 << 20;

/// All overrides. Only the control thread changes them.
#[derive(Debug, Default)]
pub struct Overrides {
    backends: BTreeMap<BackendName, BackendOverrides>,
    /// Where they are kept.
    file: Option<PathBuf>,
}

/// Whether what an operator has changed is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is.
    Kept,
    /// There is no `state_dir`, or it is another process's by now.
    Nowhere,
    /// It couldn't be written, which is logged.
    Failed,
}

/// A backend of a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BackendName {
    /// The pool's name.
    pub pool: String,
    /// Its own.
    pub backend: String,
}

/// What was changed of a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendOverrides {
    /// Whether it drains.
    pub draining: Option<Overridden<bool>>,
    /// Its weight, in thousandths.
    pub weight: Option<Overridden<u32>>,
}

/// A value in the place of the file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden<T> {
    /// The value.
    pub value: T,
    /// The file's value at that time; `None` if the file doesn't name the backend, as it was discovered.
    pub over: Option<T>,
    /// When it was set, ms since 1970.
    pub since_ms: u64,
    /// Who has set it.
    pub by: String,
}

/// A change of a backend's overrides: of each key nothing, back to the file, or another value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OverridePatch {
    /// Whether it drains.
    pub draining: Option<Option<bool>>,
    /// Its weight, in thousandths.
    pub weight: Option<Option<u32>>,
}

/// One backend's overrides as they are kept in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    name: BackendName,
    #[serde(flatten)]
    overrides: BackendOverrides,
}

impl Overrides {
    /// Those that are kept in this directory; none if what is there can't be read, which is logged.
    #[must_use]
    pub fn open(state_dir: Option<&Path>) -> Self {
        let file = state_dir.map(|directory| directory.join(FILE));
        let backends = file.as_deref().map(read).unwrap_or_default();
        Self { backends, file }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(BackendName, BackendOverrides)> {
        self.backends.iter().map(|(name, overrides)| (name.clone(), overrides.clone())).collect()
    }

    /// Those of a pool as the pool takes them.
    #[must_use]
    pub fn of_pool(&self, pool: &str) -> HashMap<Box<str>, Override> {
        let of_pool = self.backends.iter().filter(|(name, _)| name.pool == pool);
        let plain = |overrides: &BackendOverrides| Override {
            draining: overrides.draining.as_ref().map(|draining| draining.value),
            weight: overrides.weight.as_ref().map(|weight| weight.value),
        };
        of_pool.map(|(name, overrides)| (name.backend.as_str().into(), plain(overrides))).collect()
    }

    /// Changes those of a backend. Returns them as they are now, and whether that is written down.
    pub fn change(
        &mut self,
        name: &BackendName,
        patch: OverridePatch,
        config: &Config,
        by: &str,
    ) -> (BackendOverrides, Keeping) {
        let in_file = in_file(config, name);
        let mut overrides = self.backends.remove(name).unwrap_or_default();
        if let Some(draining) = patch.draining {
            overrides.draining = draining.map(|value| set(value, in_file.map(|(draining, _)| draining), by));
        }
        if let Some(weight) = patch.weight {
            overrides.weight = weight.map(|value| set(value, in_file.map(|(_, weight)| weight), by));
        }
        if overrides != BackendOverrides::default() {
            self.backends.insert(name.clone(), overrides.clone());
        }
        (overrides, self.keep())
    }

    /// Takes all back. Returns how many backends had some, and whether that is written down.
    pub fn clear(&mut self) -> (usize, Keeping) {
        let count = std::mem::take(&mut self.backends).len();
        (count, self.keep())
    }

    /// Drops those whose keys the file has changed: there, the file wins.
    pub fn follow(&mut self, config: &Config) {
        let mut dropped = Vec::new();
        self.backends.retain(|name, overrides| {
            let in_file = in_file(config, name);
            let has_pool = config.pools.iter().any(|pool| pool.name == name.pool);
            let (draining, weight) = in_file.unzip();
            let lost = [
                (drop_if_changed(&mut overrides.draining, draining, has_pool), "draining"),
                (drop_if_changed(&mut overrides.weight, weight, has_pool), "weight"),
            ];
            dropped.extend(lost.into_iter().filter(|(lost, _)| *lost).map(|(_, key)| (name.clone(), key)));
            *overrides != BackendOverrides::default()
        });
        for (BackendName { pool, backend }, key) in &dropped {
            tracing::warn!(
                event = "override-dropped",
                pool,
                backend,
                key,
                "the configuration file has another value than when it was overridden: the file wins"
            );
        }
        if !dropped.is_empty() {
            self.keep();
        }
    }

    /// Writes them to their file, if they have one.
    fn keep(&self) -> Keeping {
        let Some(file) = &self.file else { return Keeping::Nowhere };
        let kept: Vec<Kept> =
            self.all().into_iter().map(|(name, overrides)| Kept { name, overrides }).collect();
        let written = serde_json::to_vec_pretty(&kept).map_err(io::Error::from);
        let Err(error) = written.and_then(|kept| whole_file::replace(file, &kept)) else {
            return Keeping::Kept;
        };
        tracing::error!(
            event = "overrides-write-failed", file = %file.display(), %error,
            "overrides are as they were changed, but that won't outlive this process"
        );
        Keeping::Failed
    }
}

/// The time of now, ms since 1970.
pub(super) fn since_1970_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn set<T>(value: T, over: Option<T>, by: &str) -> Overridden<T> {
    Overridden { value, over, since_ms: since_1970_ms(), by: by.to_owned() }
}

/// Drops an override if the file says something else than when it was set. Returns whether it was dropped.
fn drop_if_changed<T: PartialEq>(
    overridden: &mut Option<Overridden<T>>,
    in_file: Option<T>,
    has_pool: bool,
) -> bool {
    overridden.take_if(|overridden| !has_pool || overridden.over != in_file).is_some()
}

/// What the file says of a backend: whether it drains, and its weight in thousandths. `None` if it doesn't name it.
fn in_file(config: &Config, name: &BackendName) -> Option<(bool, u32)> {
    let pool = config.pools.iter().find(|pool| pool.name == name.pool)?;
    let backend = pool.backends.iter().find(|backend| backend.name == name.backend)?;
    Some((backend.draining, backend.weight * WEIGHT_UNIT))
}

fn read(file: &Path) -> BTreeMap<BackendName, BackendOverrides> {
    let read = regular_file::read(file, FILE_BYTES)
        .and_then(|json| serde_json::from_slice::<Vec<Kept>>(&json).map_err(io::Error::other));
    match read {
        Ok(kept) => kept.into_iter().map(|Kept { name, overrides }| (name, overrides)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => {
            tracing::warn!(
                event = "overrides-read-failed", file = %file.display(), %error,
                "the overrides of the process before this one are lost"
            );
            BTreeMap::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(backends: &str) -> Config {
        let text = format!("[[listener]]\naddress = '127.0.0.1:0'\n[pool.web]\nbackends = [{backends}]");
        Config::parse(&text, Path::new("f.toml")).expect("a configuration")
    }

    fn name() -> BackendName {
        BackendName { pool: "web".into(), backend: "a".into() }
    }

    #[test]
    fn an_override_stays_until_the_file_changes_that_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut overrides = Overrides::open(Some(folder.path()));
        let first = config("{ name = 'a', address = '127.0.0.1:1' }");
        let patch = OverridePatch { draining: Some(Some(true)), weight: Some(Some(500)) };
        overrides.change(&name(), patch, &first, "a test");
        let all = Override { draining: Some(true), weight: Some(500) };
        let of = |overrides: &Overrides| overrides.of_pool("web").get("a").copied();
        overrides.follow(&config(
            "{ name = 'a', address = '127.0.0.1:7' }, { name = 'b', address = '127.0.0.1:2' }",
        ));
        assert_eq!(of(&overrides), Some(all), "an unrelated change");
        assert_eq!(of(&Overrides::open(Some(folder.path()))), Some(all), "another process");

        overrides.follow(&config("{ name = 'a', address = '127.0.0.1:1', weight = 2 }"));
        assert_eq!(of(&overrides), Some(Override { draining: Some(true), weight: None }), "the file wins");
        let back = OverridePatch { draining: Some(None), weight: None };
        let none = (BackendOverrides::default(), Keeping::Kept);
        assert_eq!(overrides.change(&name(), back, &first, "a test"), none);
        assert!(Overrides::open(Some(folder.path())).all().is_empty());
    }

    #[test]
    fn what_is_gone_from_the_file_or_broken_in_its_own_is_no_override() {
        let folder = tempfile::tempdir().unwrap();
        let mut overrides = Overrides::open(Some(folder.path()));
        let patch = OverridePatch { draining: Some(Some(true)), weight: None };
        overrides.change(&name(), patch, &config("{ name = 'a', address = '127.0.0.1:1' }"), "a test");
        overrides.follow(&config("{ name = 'b', address = '127.0.0.1:1' }"));
        assert!(overrides.all().is_empty());
        std::fs::write(folder.path().join(FILE), "[{\"pool\":").unwrap();
        assert!(Overrides::open(Some(folder.path())).all().is_empty());
    }
}
