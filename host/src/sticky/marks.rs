//! Marks of backends, and where in a topology their backends are.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pointsman_core::backend::{BackendIndex, TopologyGeneration};
use pointsman_core::topology::Topology;

/// Letters of a mark.
pub(super) const MARK_LETTERS: usize = 16;

/// Bytes of the HMAC that a mark keeps: two of 10,000 backends have the same one with a chance of 2^-70.
const MARK_BYTES: usize = MARK_LETTERS / 4 * 3;

/// What a backend is called in cookies: letters, digits, `-` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; MARK_LETTERS]);

impl Mark {
    /// A mark as a client has sent it; `None` if it can't be one.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let letters: [u8; MARK_LETTERS] = text.try_into().ok()?;
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        letters.iter().all(is_letter).then_some(Self(letters))
    }

    /// Its letters.
    pub(super) fn as_str(&self) -> &str {
        // They are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The marks of a pool's backends.
#[derive(Debug)]
pub(super) struct Marks {
    key: hmac::Key,
    pool: Box<str>,
    of: HashMap<Box<str>, Mark>,
    places: HashMap<Mark, BackendIndex>,
    /// Of which topology the places are.
    generation: Option<TopologyGeneration>,
}

impl Marks {
    pub(super) fn new(secret: &[u8], pool: &str) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            pool: pool.into(),
            of: HashMap::new(),
            places: HashMap::new(),
            generation: None,
        }
    }

    /// The mark of the backend with this name.
    pub(super) fn of(&mut self, name: &str) -> Mark {
        if let Some(mark) = self.of.get(name) {
            return *mark;
        }
        let mark = self.made(name);
        self.of.insert(name.into(), mark);
        mark
    }

    /// Where the backend with this mark is.
    pub(super) fn place(&mut self, mark: Mark, topology: &Topology) -> Option<BackendIndex> {
        if self.generation != Some(topology.generation()) {
            self.follow(topology);
        }
        self.places.get(&mark).copied()
    }

    /// Health changes often, and membership seldom: a mark is made once for each backend, and given up with it.
    fn follow(&mut self, topology: &Topology) {
        let mut known = std::mem::take(&mut self.of);
        self.places.clear();
        for (backend, index) in topology.backends().iter().zip(0..) {
            let (name, mark) = match known.remove_entry(&*backend.name) {
                Some(known) => known,
                None => (backend.name.clone(), self.made(&backend.name)),
            };
            self.of.insert(name, mark);
            self.places.insert(mark, BackendIndex(index));
        }
        self.generation = Some(topology.generation());
    }

    /// The length of the pool's name goes before it, so that no two pairs of names are the same bytes.
    fn made(&self, name: &str) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(self.pool.len() as u64).to_be_bytes());
        context.update(self.pool.as_bytes());
        context.update(name.as_bytes());
        let tag = context.sign();
        let mut letters = [0; MARK_LETTERS];
        // Twelve bytes are sixteen letters.
        let _ = URL_SAFE_NO_PAD.encode_slice(&tag.as_ref()[..MARK_BYTES], &mut letters);
        Mark(letters)
    }
}
