//! What a slot delivers to its workers.

use std::sync::Arc;

use super::publication::Publication;
use crate::instance::Instance;
use crate::stats::FaultCounts;

/// An instance on its way to a worker, with the publication it belongs to.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) instance: Instance,
    pub(crate) publication: Publication,
    /// Where its plugin came from.
    pub(crate) origin: Arc<str>,
    /// Where its version's faults are counted.
    pub(crate) faults: Arc<FaultCounts>,
}
