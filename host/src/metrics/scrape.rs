//! What one scrape reads.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pointsman_core::clock::{Clock, Moment, WallClock};
use pointsman_core::counts::PoolCounts;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::topology::{Member, Topology};

use super::saturation::Saturation;
use super::selection::Selection;
use crate::control::status::{ConfigurationStatus, PoolStatus, StatusView};
use crate::insight::trace::Tracer;
use crate::open_files::OpenFiles;
use crate::reports::WorkerVitals;
use crate::worker::Phase;

/// What one scrape reads.
#[derive(Debug)]
pub struct Scrape {
    pub(super) status: ConfigurationStatus,
    pub(super) phase: Phase,
    pub(super) workers: Arc<[Arc<WorkerVitals>]>,
    pub(super) saturation: Arc<Saturation>,
    /// What requests that are traced are told to.
    pub(super) tracer: Option<Arc<Tracer>>,
    wall_clock: WallClock,
    /// Files that are open; `None` if the system doesn't say.
    pub(super) open_files: Option<usize>,
    /// The pools that are wanted.
    pub(super) pools: Vec<PoolSample>,
    pub(super) selection: Selection,
    pub(super) now: Moment,
}

/// A pool as it is at one moment.
#[derive(Debug)]
pub(super) struct PoolSample {
    pub(super) pool: Arc<Pool>,
    pub(super) limits: Arc<UpstreamLimits>,
    pub(super) members: Vec<Member>,
    pub(super) topology: Arc<Topology>,
}

impl PoolSample {
    fn new(status: &PoolStatus) -> Self {
        let (members, topology) = status.pool.members();
        Self { pool: Arc::clone(&status.pool), limits: Arc::clone(&status.limits), members, topology }
    }

    pub(super) fn counts(&self) -> &PoolCounts {
        &self.pool.counts
    }

    pub(super) fn name(&self) -> &str {
        &self.pool.name
    }
}

impl Scrape {
    /// Looks at the proxy as it is now.
    #[must_use]
    pub fn new(
        status: &StatusView,
        workers: &Arc<[Arc<WorkerVitals>]>,
        saturation: &Arc<Saturation>,
        tracer: Option<&Arc<Tracer>>,
        clock: Clock,
        selection: Selection,
    ) -> Self {
        let (status, phase) = (status.configuration(), status.phase());
        let wanted = status.pools.iter().filter(|pool| selection.has_pool(&pool.pool.name));
        let pools = wanted.map(PoolSample::new).collect();
        let (wall_clock, open_files) = (WallClock::read(&clock), OpenFiles::open_now());
        let (workers, saturation) = (Arc::clone(workers), Arc::clone(saturation));
        let (tracer, now) = (tracer.cloned(), clock.now());
        Self { status, phase, workers, saturation, tracer, wall_clock, open_files, pools, selection, now }
    }

    /// A moment as seconds since the epoch.
    pub(super) fn since_epoch(&self, moment: Moment) -> f64 {
        self.wall_clock.at(moment).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }
}
