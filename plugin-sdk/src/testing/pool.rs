//! What a test host knows: the pool's backends, cells, clock, random numbers and log.

use crate::Flags;
use crate::abi::{WEIGHT_UNIT, flag, stat};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Everything that the instances of one test host share.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) backends: Vec<TestBackend>,
    pub(super) config: serde_json::Value,
    pub(super) cells: HashMap<CellKey, i64>,
    pub(super) clock: Duration,
    pub(super) logs: Vec<String>,
    /// Counts topology events, so that each instance can tell whether it has missed one.
    pub(super) generation: u64,
    pub(super) random_state: u64,
    /// Whether too few are healthy, so that all count as if they were.
    pub(super) panics: bool,
}

/// A backend as the test has set it up.
#[derive(Debug)]
pub(super) struct TestBackend {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) zone: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) configured_weight: u32,
    pub(super) weight: u32,
    pub(super) healthy: bool,
    pub(super) draining: bool,
    pub(super) backup: bool,
    pub(super) full: bool,
    pub(super) stats: [u64; stat::KINDS as usize],
}

/// A cell: the policy's `STATE`, the backend's name (none for the pool's cells), the slot.
pub(super) type CellKey = (String, Option<String>, usize);

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            backends: Vec::new(),
            config: serde_json::json!({}),
            cells: HashMap::new(),
            clock: Duration::from_secs(1),
            logs: Vec::new(),
            generation: 0,
            random_state: 1,
            panics: false,
        }
    }

    /// # Panics
    ///
    /// If the name is taken: names are unique in a pool.
    pub(super) fn add(&mut self, name: &str) {
        assert!(self.position(name).is_none(), "two backends are named {name:?}");
        self.backends.push(TestBackend::new(name));
        self.generation += 1;
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.backends.iter().position(|backend| backend.name == name)
    }

    /// # Panics
    ///
    /// If there is no such backend: the test has a typing error.
    pub(super) fn index_of(&self, name: &str) -> usize {
        self.position(name).unwrap_or_else(|| panic!("no backend is named {name:?}"))
    }

    pub(super) fn get(&self, index: i32) -> Option<&TestBackend> {
        self.backends.get(usize::try_from(index).ok()?)
    }

    /// All flags of one backend. Backups are eligible only when nothing else is, as in the proxy.
    pub(super) fn flags(&self, backend: &TestBackend) -> Flags {
        let primaries_serve = self.backends.iter().any(|other| self.usable(other) && !other.backup);
        self.flags_given(backend, primaries_serve)
    }

    pub(super) fn all_flags(&self) -> Vec<Flags> {
        let primaries_serve = self.backends.iter().any(|other| self.usable(other) && !other.backup);
        self.backends.iter().map(|backend| self.flags_given(backend, primaries_serve)).collect()
    }

    fn flags_given(&self, backend: &TestBackend, primaries_serve: bool) -> Flags {
        let eligible = self.usable(backend) && (!backend.backup || !primaries_serve);
        let bits = [
            (eligible, flag::ELIGIBLE),
            (backend.healthy, flag::HEALTHY),
            (backend.draining, flag::DRAINING),
            (backend.backup, flag::BACKUP),
            (backend.full, flag::FULL),
        ];
        Flags::from_bits(bits.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit))
    }

    fn usable(&self, backend: &TestBackend) -> bool {
        (backend.healthy || self.panics) && !backend.draining
    }

    /// 64 random bits (SplitMix64).
    pub(super) fn random(&mut self) -> u64 {
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random_state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl TestBackend {
    pub(super) fn new(name: &str) -> Self {
        let mut stats = [0; stat::KINDS as usize];
        stats[stat::MS_SINCE_FAILURE as usize] = u64::MAX;
        Self {
            name: name.to_owned(),
            address: "192.0.2.1:80".to_owned(),
            zone: String::new(),
            labels: BTreeMap::new(),
            configured_weight: WEIGHT_UNIT,
            weight: WEIGHT_UNIT,
            healthy: true,
            draining: false,
            backup: false,
            full: false,
            stats,
        }
    }
}
