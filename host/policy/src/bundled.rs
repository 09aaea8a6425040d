//! The policies that come with the binary, compiled for Wasm by the build script.

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The plugin of a bundled policy.
#[must_use]
pub fn bundled(name: &str) -> Option<&'static [u8]> {
    BUNDLED.iter().find(|(bundled, _)| *bundled == name).map(|(_, content)| *content)
}

/// Names of the bundled policies.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().map(|(name, _)| *name)
}

/// The `config` table, as JSON text, of a bundled policy that doesn't start without one: a small example. `None` for all others.
#[must_use]
pub fn required_config(name: &str) -> Option<&'static str> {
    match name {
        "first" => Some(r#"{"requests":10}"#),
        "aperture" => Some(r#"{"proxy":0,"proxies":3}"#),
        "zone-aware" => Some(r#"{"zone":"a"}"#),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is loaded by every worker and swapped by every reload stays small; a policy that pulls in formatting of fractions or
    /// a large library is seen here.
    #[test]
    fn bundled_policies_are_small() {
        for name in names() {
            let bytes = bundled(name).map(<[u8]>::len).expect("it is bundled");
            assert!(bytes <= 32 << 10, "{name} has {bytes} bytes");
        }
    }
}
