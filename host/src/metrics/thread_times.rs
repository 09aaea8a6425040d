//! What the scheduler says of a thread.

use std::time::Duration;

use crate::reports::WorkerVitals;

/// What the scheduler says of a thread.
#[derive(Debug, Clone, Copy)]
pub struct ThreadTimes {
    /// CPU time.
    pub cpu: Duration,
    /// Time in which it could have run, and others had the CPU.
    pub waiting: Duration,
}

impl ThreadTimes {
    /// Of a worker's thread; `None` where the kernel keeps no account.
    #[must_use]
    pub fn of(worker: &WorkerVitals) -> Option<Self> {
        let path = format!("/proc/self/task/{}/schedstat", worker.thread()?);
        let text = std::fs::read_to_string(path).ok()?;
        let mut fields = text.split_whitespace().map(str::parse::<u64>);
        let (cpu, waiting) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some(Self { cpu: Duration::from_nanos(cpu), waiting: Duration::from_nanos(waiting) })
    }
}
