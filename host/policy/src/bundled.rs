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
