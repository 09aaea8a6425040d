//! What a backend's flags say.

use crate::abi::flag;
use std::fmt;

/// Flags of a backend at one moment. All but [`full`](Self::full) change by topology event only.
///
/// ```
/// use pointsman_sdk::testing::TestHost;
///
/// let host = TestHost::new().backend("a");
/// host.at("a").draining(true);
/// let flags = host.run(|backends| backends.flags(0));
/// assert!(flags.healthy() && flags.draining() && !flags.eligible());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Flags(u32);

impl Flags {
    /// Flags from the bits of [`abi::flag`](crate::abi::flag).
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of [`abi::flag`](crate::abi::flag).
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is.
    #[must_use]
    pub const fn eligible(self) -> bool {
        self.has(flag::ELIGIBLE)
    }

    /// Passes its health checks.
    #[must_use]
    pub const fn healthy(self) -> bool {
        self.has(flag::HEALTHY)
    }

    /// Finishes what runs and gets nothing new.
    #[must_use]
    pub const fn draining(self) -> bool {
        self.has(flag::DRAINING)
    }

    /// Serves only when no other backend is eligible.
    #[must_use]
    pub const fn backup(self) -> bool {
        self.has(flag::BACKUP)
    }

    /// At its limit at this moment.
    #[must_use]
    pub const fn full(self) -> bool {
        self.has(flag::FULL)
    }

    const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.eligible(), "eligible"),
            (self.healthy(), "healthy"),
            (self.draining(), "draining"),
            (self.backup(), "backup"),
            (self.full(), "full"),
        ];
        f.debug_set().entries(names.iter().filter(|(set, _)| *set).map(|(_, name)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_flags() {
        let flags = Flags::from_bits(flag::ELIGIBLE | flag::FULL);
        assert_eq!(format!("{flags:?}"), r#"{"eligible", "full"}"#);
    }
}
