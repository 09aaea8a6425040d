//! The instance that a worker picks with.

use std::sync::Arc;

use pointsman_core::clock::Moment;
use pointsman_core::record::PolicyLabel;

use crate::instance::{Retired, WorkerInstance};
use crate::plugin::policy_name;
use crate::slot::{Delivery, Publication};
use crate::stats::FaultCounts;

/// The instance that was delivered last, and how it does. It may have been given up since.
#[derive(Debug)]
pub(super) struct ActiveInstance {
    pub(super) instance: WorkerInstance,
    /// The publication that it belongs to.
    pub(super) publication: Publication,
    /// The names of its version: this worker's own, so that no other one writes to their count.
    pub(super) label: Arc<PolicyLabel>,
    /// Where the faults of its version are counted.
    pub(super) faults: Arc<FaultCounts>,
    /// Its bad verdicts in a row.
    pub(super) bad_verdicts: u32,
    /// When its next tick is due.
    pub(super) next_tick: Option<Moment>,
}

impl ActiveInstance {
    /// The instance of this delivery. No tick is scheduled yet.
    pub(super) fn new(delivery: Delivery) -> Self {
        let Delivery { instance, publication, origin, faults } = delivery;
        let version = instance.version().id.to_string().into();
        let label = Arc::new(PolicyLabel { name: policy_name(&origin).into(), version });
        let instance = WorkerInstance::new(instance);
        Self { instance, publication, label, faults, bad_verdicts: 0, next_tick: None }
    }

    /// Changes to the instance of this delivery; returns the one before.
    pub(super) fn replace(&mut self, delivery: Delivery) -> Option<Retired> {
        std::mem::replace(self, Self::new(delivery)).instance.clear()
    }
}
