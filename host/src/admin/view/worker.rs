//! Workers.

use std::time::Duration;

use crate::admin::model::{WorkerList, WorkerState};
use crate::metrics::{Scrapes, ThreadTimes};
use crate::reports::WorkerVitals;

pub(in crate::admin) fn workers(scrapes: &Scrapes) -> WorkerList {
    WorkerList {
        workers: (0..).zip(scrapes.workers()).map(|(number, vitals)| worker(number, vitals)).collect(),
    }
}

fn worker(number: u32, vitals: &WorkerVitals) -> WorkerState {
    let times = ThreadTimes::of(vitals);
    WorkerState {
        worker: number,
        connections: vitals.connections(),
        requests: vitals.requests(),
        busy_seconds: vitals.busy().as_secs_f64(),
        cpu_seconds: times.map(|times| times.cpu.as_secs_f64()),
        waiting_seconds: times.map(|times| times.waiting.as_secs_f64()),
        lag_p99_seconds: vitals.lag().quantile(0.99).as_ref().map(Duration::as_secs_f64),
    }
}
