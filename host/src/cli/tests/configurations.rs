//! Examples of configurations.

use std::path::Path;

use pointsman_policy::names;

use crate::config::{Config, PolicySource};

/// Reads a configuration as the proxy does. One that leaves listeners or pools out, as it is about something else, gets them.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut whole = text.to_owned();
    if !text.contains("[[listener]]") {
        whole.push_str("\n[[listener]]\naddress = '127.0.0.1:8080'\n");
    }
    if !text.contains("[pool.") {
        whole.push_str("\n[pool.web]\nbackends = ['127.0.0.1:9001']\n");
    }
    let config = Config::parse(&whole, Path::new("example.toml")).map_err(|errors| errors.to_string())?;
    let policies = config
        .pools
        .iter()
        .map(|pool| &pool.policy)
        .chain(config.routes.iter().filter_map(|route| route.own_policy()).map(|(_, policy)| policy));
    for policy in policies {
        if let PolicySource::Named(name) = &policy.source
            && !names().any(|known| known == name)
        {
            return Err(format!("no bundled policy is called {name}"));
        }
    }
    Ok(())
}

/// Reads the manifest of a policy's crate: a plugin and a library, with the SDK where it is.
pub(super) fn manifest(text: &str) -> Result<(), String> {
    let manifest: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let kinds = manifest.get("lib").and_then(|lib| lib.get("crate-type")).and_then(toml::Value::as_array);
    if !kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("cdylib"))) {
        return Err("a plugin is a cdylib".into());
    }
    let sdk =
        manifest.get("dependencies").and_then(|all| all.get("pointsman-sdk")).and_then(|sdk| sdk.get("path"));
    match sdk.and_then(toml::Value::as_str) {
        Some("../pointsman/plugin-sdk") => Ok(()),
        other => Err(format!("the SDK isn't at {other:?} from a crate beside the repository")),
    }
}
