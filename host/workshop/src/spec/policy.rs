//! The policies of a simulation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pointsman_policy::Plugin;
use pointsman_sdk::abi::limit;
use serde::Deserialize;

use crate::toml_file::ReadFile;

/// A policy, and how it is configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// What it is called in results. `name`, that of the bundled policy or of the file.
    #[serde(default)]
    pub name: Option<String>,
    /// A bundled policy.
    #[serde(default)]
    pub bundled: Option<String>,
    /// A plugin file, from the folder of the spec.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Its configuration, as in `[pool.NAME.policy.config]`.
    #[serde(default)]
    pub config: toml::Table,
    /// Further keys of it, whose values each proxy has its own of. `config_by_proxy`, none.
    #[serde(default)]
    pub config_by_proxy: BTreeMap<String, OfProxy>,
}

/// What proxies tell themselves apart by, as numbers in the configuration of their policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfProxy {
    /// The number of the proxy, from 0 on. `"index"`.
    Index,
    /// How many proxies there are. `"count"`.
    Count,
}

/// Where a plugin comes from.
pub(super) enum PolicySource<'a> {
    Bundled(Plugin),
    File(&'a Path),
}

/// A policy that is there to be run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it is called in results.
    pub name: String,
    /// The plugin.
    pub plugin: Plugin,
    /// Its configuration as JSON, but for what each proxy has its own of.
    pub config: String,
    /// That.
    pub config_by_proxy: BTreeMap<String, OfProxy>,
}

impl Loaded {
    /// A policy with this configuration, as JSON, in each proxy.
    #[must_use]
    pub fn new(name: &str, plugin: Plugin, config: &str) -> Self {
        Self { name: name.to_owned(), plugin, config: config.to_owned(), config_by_proxy: BTreeMap::new() }
    }

    /// The configuration of a proxy, as JSON.
    pub(crate) fn config_of(&self, index: u32, count: u32) -> String {
        if self.config_by_proxy.is_empty() {
            return self.config.clone();
        }
        // What comes from a spec is a table.
        let mut config: serde_json::Map<_, _> = serde_json::from_str(&self.config).unwrap_or_default();
        for (key, what) in &self.config_by_proxy {
            let value = match what {
                OfProxy::Index => index,
                OfProxy::Count => count,
            };
            config.insert(key.clone(), value.into());
        }
        serde_json::Value::Object(config).to_string()
    }
}

impl PolicySpec {
    /// A bundled policy without a configuration.
    #[must_use]
    pub fn bundled(name: &str) -> Self {
        Self { bundled: Some(name.to_owned()), ..Self::default() }
    }

    /// Reads the plugin; `folder` is the spec's.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub fn load(&self, folder: &Path, read: ReadFile<'_>) -> Result<Loaded, String> {
        let plugin = match self.source().map_err(|(_, message)| message)? {
            PolicySource::Bundled(plugin) => plugin,
            PolicySource::File(file) => {
                let path = folder.join(file);
                let content = read(&path, limit::FILE_BYTES)
                    .map_err(|error| format!("cannot read the plugin {}: {error}", path.display()))?;
                Plugin::file(&path, content)
            }
        };
        let config = serde_json::to_string(&self.config).map_err(|error| format!("config: {error}"))?;
        let config_by_proxy = self.config_by_proxy.clone();
        Ok(Loaded { name: self.label(), plugin, config, config_by_proxy })
    }

    /// What it is called in results.
    #[must_use]
    pub fn label(&self) -> String {
        let file = || self.file.as_ref()?.file_stem()?.to_str().map(str::to_owned);
        self.name.clone().or_else(|| self.bundled.clone()).or_else(file).unwrap_or_default()
    }

    /// Where its plugin comes from; otherwise the key that is wrong, and why.
    pub(super) fn source(&self) -> Result<PolicySource<'_>, (&'static str, String)> {
        match (&self.bundled, &self.file) {
            (Some(name), None) => Plugin::bundled(name).map(PolicySource::Bundled).ok_or_else(|| {
                ("bundled", format!("no policy {name:?} is bundled; `pointsman policy list` names all"))
            }),
            (None, Some(file)) => Ok(PolicySource::File(file)),
            _ => Err(("", "a policy is either `bundled = \"NAME\"` or `file = \"FILE.wasm\"`".to_owned())),
        }
    }
}
