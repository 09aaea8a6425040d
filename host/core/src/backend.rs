//! One server of a pool: its description, and what the proxy has counted of it.

mod stats;
mod streaks;

use std::fmt;
use std::sync::Arc;

use pointsman_sdk::abi::WEIGHT_UNIT;

use crate::address::Address;
use crate::counts::BackendCells;
use crate::local::Shared;

pub use stats::{BackendStats, Completion};
pub use streaks::{ResponseClass, Streak, Streaks};

/// A backend's place in its pool's [`Topology`](crate::topology::Topology), valid until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendIndex(pub u32);

impl BackendIndex {
    /// The index as a place in a slice.
    #[inline]
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// Counts the topologies of a pool, from 1; indexes hold in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopologyGeneration(pub u64);

/// Counts the configurations of the process, from 1; 0 = none serves yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConfigurationGeneration(pub u64);

impl ConfigurationGeneration {
    /// The configuration that the process starts with.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for BackendIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The source of a backend. The name doesn't show it: a backend of the file may be called as if it was discovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The configuration file.
    File,
    /// Discovery, for an entry of the configuration.
    Discovery {
        /// The entry's name.
        entry: Box<str>,
    },
    /// An operator, while the proxy runs.
    Operator,
}

/// One server of a pool. Copies count together.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Unique in the pool. What is counted and kept is kept under this name.
    pub name: Box<str>,
    /// Where it listens.
    pub address: Address,
    /// The host name that led to its address, without a dot at the end, if one did.
    pub host: Option<Box<str>>,
    /// Configured share of requests in relation to the others, in thousandths
    /// ([`WEIGHT_UNIT`]); never 0.
    pub weight: u32,
    /// What policies can tell it by.
    pub attributes: Attributes,
    /// What it may have in the place of what its pool says.
    pub limits: BackendLimits,
    /// Serves only when no other backend is eligible.
    pub backup: bool,
    /// Finishes what runs and gets nothing new.
    pub draining: bool,
    /// Its source.
    pub source: Source,
    /// Its live numbers. They outlive this description: a changed backend of the same name keeps them.
    pub stats: Arc<BackendStats>,
}

/// A weight in thousandths ([`WEIGHT_UNIT`]) as it is configured.
#[must_use]
pub fn configured_weight(weight: u32) -> f64 {
    f64::from(weight) / f64::from(WEIGHT_UNIT)
}

/// What is free to say of a backend, for policies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Where it stands; empty if not said.
    pub zone: Box<str>,
    /// Free key-value pairs.
    pub labels: Box<[(String, String)]>,
}

/// Limits of one backend in the place of those that its pool has for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendLimits {
    /// Most requests in flight, over all workers, 1 to 1,000,000. `max_requests`.
    pub max_requests: Option<u64>,
    /// Most connections, idle ones included, over all workers, 1 to 1,000,000. `max_connections`.
    pub max_connections: Option<u64>,
}

impl Backend {
    /// A backend of the file with a description that says nothing but name and address.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, address: impl Into<Address>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
            host: None,
            weight: WEIGHT_UNIT,
            attributes: Attributes::default(),
            limits: BackendLimits::default(),
            backup: false,
            draining: false,
            source: Source::File,
            stats: Arc::default(),
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.attributes.labels.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}

impl Shared for Backend {
    type Cells = BackendCells;

    fn cells(&self) -> BackendCells {
        self.stats.counts.cells()
    }

    fn add(&self, cells: &BackendCells) {
        self.stats.counts.add(cells);
    }
}
