//! How close the proxy is to capacity.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::thread_times::ThreadTimes;
use crate::listener::Listener;
use crate::open_files::OpenFiles;
use crate::reports::WorkerVitals;

/// Between two readings of what the workers have used.
const PAUSE: Duration = Duration::from_secs(2);

/// Readings that are kept: the load is that of the last ten seconds.
const READINGS: usize = 6;

/// The load of the busiest worker, as it was over the last seconds.
///
/// Read by a task of its own: a scrape that measured from the one before would say something else to each of two collectors.
#[derive(Debug, Default)]
pub struct Saturation {
    readings: Mutex<VecDeque<Reading>>,
}

/// What the workers have used by some moment.
#[derive(Debug)]
struct Reading {
    at: Instant,
    /// CPU time of each worker, and time in which it waited for a CPU.
    wanted: Vec<Duration>,
}

impl Saturation {
    /// Reads every two seconds what the workers use. Never ends.
    pub async fn follow(self: Arc<Self>, workers: Arc<[Arc<WorkerVitals>]>) {
        loop {
            self.read(&workers);
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn read(&self, workers: &[Arc<WorkerVitals>]) {
        let wanted = |worker: &Arc<WorkerVitals>| {
            ThreadTimes::of(worker).map_or(Duration::ZERO, |times| times.cpu + times.waiting)
        };
        let reading = Reading { at: Instant::now(), wanted: workers.iter().map(wanted).collect() };
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.push_back(reading);
        if readings.len() > READINGS {
            readings.pop_front();
        }
    }

    /// The share of the last ten seconds in which the busiest worker ran or wanted to, from 0 to 1.
    #[must_use]
    pub fn busiest_worker(&self) -> f64 {
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (readings.front(), readings.back()) else { return 0.0 };
        share(last.at - first.at, &first.wanted, &last.wanted)
    }

    /// The greatest of what can run out: the busiest worker's time, connections of any listener, and files that may be open; each from 0
    /// to 1.
    #[must_use]
    pub fn ratio(&self, listeners: &[Listener], open_files: Option<usize>) -> f64 {
        let part = |taken: usize, limit: usize| taken as f64 / (limit as f64).max(1.0);
        let connections = listeners.iter().map(|listener| &listener.connections);
        let connections = connections.map(|connections| part(connections.taken(), connections.limit()));
        let files = open_files.map_or(0.0, |open| part(open, OpenFiles::of_process().limit()));
        connections.chain([self.busiest_worker(), files]).fold(0.0, f64::max).min(1.0)
    }
}

/// The greatest share of a time that any worker has used between two readings.
fn share(passed: Duration, before: &[Duration], after: &[Duration]) -> f64 {
    let used = before.iter().zip(after).map(|(before, after)| after.saturating_sub(*before));
    let most = used.max().unwrap_or_default();
    if passed.is_zero() { 0.0 } else { (most.as_secs_f64() / passed.as_secs_f64()).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_worker_counts_and_nothing_is_over_one() {
        let seconds = Duration::from_secs;
        assert_eq!(share(Duration::ZERO, &[seconds(1)], &[seconds(9)]), 0.0);
        assert_eq!(share(seconds(10), &[seconds(1), seconds(1)], &[seconds(2), seconds(6)]), 0.5);
        assert_eq!(share(seconds(1), &[seconds(1)], &[seconds(9)]), 1.0);
        assert_eq!(share(seconds(1), &[seconds(9)], &[seconds(1)]), 0.0);
        assert_eq!(Saturation::default().busiest_worker(), 0.0);
    }
}
