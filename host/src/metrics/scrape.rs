//! What one scrape reads.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_core::clock::{Clock, Moment};
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
    pub(super) now: Moment,
    /// The same on the system's clock.
    wall_clock: SystemTime,
    /// The pools that are wanted.
    pub(super) pools: Vec<PoolSample>,
    pub(super) selection: Selection,
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
        let (now, wall_clock) = (clock.now(), SystemTime::now());
        let (workers, saturation) = (Arc::clone(workers), Arc::clone(saturation));
        let tracer = tracer.cloned();
        Self { status, phase, workers, saturation, tracer, now, wall_clock, pools, selection }
    }
}

impl Scrape {
    /// The greatest of what can run out: the busiest worker's time, connections of any listener, and open files; each from 0 to 1.
    pub(super) fn saturation_ratio(&self) -> f64 {
        let connections = self.status.listeners.iter().map(|listener| {
            listener.connections.taken() as f64 / (listener.connections.limit() as f64).max(1.0)
        });
        let limit = OpenFiles::of_process().limit() as f64;
        let files = OpenFiles::open_now().map_or(0.0, |open| open as f64 / limit.max(1.0));
        connections.chain([self.saturation.busiest_worker(), files]).fold(0.0, f64::max).min(1.0)
    }

    /// A moment as seconds since the epoch.
    pub(super) fn since_epoch(&self, moment: Moment) -> f64 {
        let now = self.wall_clock.duration_since(UNIX_EPOCH).unwrap_or_default();
        (now.saturating_sub(self.now.since(moment))).as_secs_f64()
    }
}
