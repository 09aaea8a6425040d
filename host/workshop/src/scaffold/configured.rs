//! What the configuration of a policy's folder says of the policy.

use std::path::PathBuf;

/// The first pool with a plugin file in a proxy's configuration, and that file. Whether all of it is good is for the proxy to say.
///
/// # Errors
///
/// Why the text isn't TOML.
pub fn plugin_of(configuration: &str) -> Result<Option<(String, PathBuf)>, String> {
    let table: toml::Table = configuration.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let pools = table.get("pool").and_then(toml::Value::as_table);
    Ok(pools.into_iter().flatten().find_map(|(name, pool)| {
        let file = pool.get("policy")?.get("file")?.as_str()?;
        Some((name.clone(), PathBuf::from(file)))
    }))
}
