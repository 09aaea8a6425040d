//! Routes by the host names that they match.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::paths::Paths;

/// Routes by host name or domain.
///
/// The hash is no secret: the names are the operator's, and a client that makes up one of the same hash gains a comparison.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u64, Vec<Named>, BuildHasherDefault<Hashed>>);

/// The routes for one of the names with a hash.
type Named = (Box<str>, Paths);

/// A case-insensitive hash of a name, computed from its end: the hashes of all its parent domains are intermediate results.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameHash(u64);

impl NameHash {
    /// Of nothing. As FNV-1a has it.
    pub(super) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// With one more byte before the others.
    #[inline]
    pub(super) const fn with(self, byte: u8) -> Self {
        Self((self.0 ^ byte.to_ascii_lowercase() as u64).wrapping_mul(0x0100_0000_01b3))
    }

    fn of(name: &str) -> Self {
        name.bytes().rev().fold(Self::EMPTY, Self::with)
    }
}

impl Names {
    /// The routes for this name; none yet, if it is a new one.
    pub(super) fn entry(&mut self, name: &str) -> &mut Paths {
        let same = self.0.entry(NameHash::of(name).0).or_default();
        let place = same.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        let place = place.unwrap_or_else(|| {
            same.push((name.into(), Paths::default()));
            same.len() - 1
        });
        &mut same[place].1
    }

    /// The routes for a name, whose hash is known.
    #[inline]
    pub(super) fn get(&self, hash: NameHash, name: &[u8]) -> Option<&Paths> {
        let mut same = self.0.get(&hash.0)?.iter();
        same.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(_, paths)| paths)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Paths> {
        self.0.values_mut().flatten().map(|(_, paths)| paths)
    }
}

/// Hands on what is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Only numbers are hashed.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = NameHash(self.0).with(byte).0);
    }
}
