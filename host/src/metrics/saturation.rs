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
        self.add(Instant::now(), workers.iter().map(|worker| ThreadTimes::of(worker)));
    }

    /// Adds a reading of what each worker has used; `None` where the kernel keeps no account.
    fn add(&self, at: Instant, used: impl Iterator<Item = Option<ThreadTimes>>) {
        let wanted = used.map(|used| used.map_or(Duration::ZERO, |times| times.cpu + times.waiting));
        let reading = Reading { at, wanted: wanted.collect() };
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

    /// Reads this `schedstat` of each of two workers every two seconds, and answers how busy they are said to be after each.
    fn follow(readings: &[[&str; 2]]) -> Vec<f64> {
        let (saturation, began) = (Saturation::default(), Instant::now());
        let follow = |(place, texts): (usize, &[&str; 2])| {
            saturation.add(began + PAUSE * place as u32, texts.iter().map(|text| ThreadTimes::parse(text)));
            (saturation.busiest_worker() * 100.0).round() / 100.0
        };
        readings.iter().enumerate().map(follow).collect()
    }

    #[test]
    fn half_a_load_is_a_half_and_a_full_one_is_one() {
        // A second of CPU time in each two, then all the time: that in which others had the CPU is as wanted.
        let busy = follow(&[
            ["0 0 0", "0 0 0"],
            ["1000000000 0 9", "10000000 0 9"],
            ["2000000000 0 9", "20000000 0 9"],
            ["3500000000 500000000 9", "30000000 0 9"],
            ["4500000000 1500000000 9", "40000000 0 9"],
            ["6000000000 2000000000 9", "50000000 0 9"],
            ["8000000000 2000000000 9", "60000000 0 9"],
            ["10000000000 2000000000 9", "70000000 0 9"],
        ]);
        assert_eq!(busy, [0.0, 0.5, 0.5, 0.67, 0.75, 0.8, 0.9, 1.0]);
        assert_eq!(follow(&[["", ""], ["", ""]]), [0.0, 0.0], "without an account nothing is claimed");
    }
}
