//! How a worker is: its thread, its load, and how late it is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pointsman_core::counts::{Bounds, Distribution, Histogram};
use tokio::runtime::RuntimeMetrics;

/// Bounds of the buckets of a worker's lag, µs: the event loop's timers have a millisecond.
const LAG: [u64; 10] = [1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];

/// How a worker is. It writes, and anybody reads.
#[derive(Debug)]
pub struct WorkerVitals {
    thread: OnceLock<(u32, RuntimeMetrics)>,
    requests: AtomicU64,
    connections: AtomicU64,
    lag: Histogram,
}

/// A connection of a worker.
#[derive(Debug)]
pub struct Connected(Arc<WorkerVitals>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

impl Default for WorkerVitals {
    fn default() -> Self {
        let (requests, connections) = (AtomicU64::default(), AtomicU64::default());
        let lag = Histogram::new(&Bounds::of_micros(&LAG));
        Self { thread: OnceLock::new(), requests, connections, lag }
    }
}

impl WorkerVitals {
    /// The worker runs on the calling thread, with its event loop.
    pub fn run_here(&self) {
        let thread = rustix::thread::gettid().as_raw_pid().cast_unsigned();
        // A worker begins once.
        let _ = self.thread.set((thread, tokio::runtime::Handle::current().metrics()));
    }

    /// A connection has begun. It counts for as long as the answer exists.
    #[must_use]
    pub fn connect(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Relaxed);
        Connected(Arc::clone(self))
    }

    /// This many more requests have ended, and this is how much later the worker says so than it wanted to.
    pub(super) fn tell(&self, requests: u64, late: Duration) {
        self.requests.fetch_add(requests, Relaxed);
        self.lag.observe(late);
    }

    /// The id of its thread; `None` before it runs.
    #[must_use]
    pub fn thread(&self) -> Option<u32> {
        self.thread.get().map(|(thread, _)| *thread)
    }

    /// How long its event loop was busy, without the time in which it asked the system for events.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.thread.get().map_or(Duration::ZERO, |(_, metrics)| metrics.worker_total_busy_duration(0))
    }

    /// Requests that have ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Connections of clients at this moment.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// How late it was, several times a second while there was something to do.
    #[must_use]
    pub fn lag(&self) -> Distribution {
        self.lag.read()
    }
}
