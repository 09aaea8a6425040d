//! One content of a plugin file, compiled and named by its hash.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::InstancePre;

use crate::admission::Usage;
use crate::guest::GuestState;
use crate::observed_request::RequestAccess;

/// Names a policy version: the SHA-256 of the plugin file's content. Displayed as its first 12 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VersionId([u8; 32]);

impl PolicyVersion {
    /// Whether it is part of this program.
    #[must_use]
    pub fn is_bundled(&self) -> bool {
        matches!(self.content, Cow::Borrowed(_))
    }
}

impl VersionId {
    /// The name of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// All 64 hex digits, as `sha256sum` prints them.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.hex(32)
    }

    /// The version with this name; `None` if these aren't 64 hex digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    fn hex(self, bytes: usize) -> String {
        self.0.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.hex(6))
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionId({self})")
    }
}

/// A policy version that has passed the checks of its content. Pools that use the same content share it.
pub struct PolicyVersion {
    /// The content's name.
    pub id: VersionId,
    /// The plugin file.
    pub content: Cow<'static, [u8]>,
    /// How long the compilation took.
    pub compile_time: Duration,
    /// What it takes of what it may.
    pub usage: Usage,
    /// Which optional hooks it exports. A hook that isn't exported costs nothing.
    pub hooks: Hooks,
    /// How much of a request it can ask for.
    pub(super) access: RequestAccess,
    /// Whether it uses cells.
    pub(super) uses_cells: bool,
    pub(super) pre: InstancePre<GuestState>,
}

/// Optional hooks of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hooks {
    /// Wants to know of topology changes.
    pub topology: bool,
    /// Wants to know how responses ended.
    pub observe: bool,
    /// Has work to do at intervals.
    pub tick: bool,
}

impl fmt::Debug for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyVersion")
            .field("id", &self.id)
            .field("size", &self.content.len())
            .field("hooks", &self.hooks)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_as_sha256sum_names_them() {
        let id = VersionId::of(b"abc");
        assert_eq!(id.to_string(), "ba7816bf8f01");
        assert_eq!(id.to_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_ne!(id, VersionId::of(b"abd"));
        assert_eq!(VersionId::from_hex(&id.to_hex()), Some(id));
        for wrong in ["", "ba7816bf8f01", &format!("{}+f", &id.to_hex()[..62]), &"ä".repeat(32)] {
            assert_eq!(VersionId::from_hex(wrong), None, "{wrong}");
        }
    }
}
