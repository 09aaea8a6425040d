//! How each worker is.

use std::fmt;

use super::families::Families;
use super::scrape::Scrape;
use super::thread_times::ThreadTimes;

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let names: Vec<String> = (0..scrape.workers.len()).map(|number| number.to_string()).collect();
    let rows = || names.iter().map(String::as_str).zip(scrape.workers.iter());
    macro_rules! of_workers {
        (|$worker:ident| $value:expr) => {
            rows().map(|(name, $worker)| ([("worker", name)], $value))
        };
    }
    let described = (
        "worker_busy_seconds",
        "Time in which its event loop did something, without that in which it asked the system for events",
    );
    families.counter(described, of_workers!(|worker| worker.busy().as_secs_f64()))?;
    let times: Vec<(&str, ThreadTimes)> =
        rows().filter_map(|(name, worker)| Some((name, ThreadTimes::of(worker)?))).collect();
    let described = ("worker_cpu_seconds", "CPU time of its thread");
    families.counter(
        described,
        times.iter().map(|(name, times)| ([("worker", *name)], times.cpu.as_secs_f64())),
    )?;
    let described =
        ("worker_waiting_seconds", "Time in which its thread could have run, and others had the CPU");
    families.counter(
        described,
        times.iter().map(|(name, times)| ([("worker", *name)], times.waiting.as_secs_f64())),
    )?;
    let described = (
        "worker_lag_seconds",
        "How much later than due its event loop came to what is due several times a second",
    );
    families.histogram(described, of_workers!(|worker| worker.lag()))?;
    let described = ("worker_connections", "Connections of clients at the moment");
    families.gauge(described, of_workers!(|worker| worker.connections() as f64))?;
    families.counter(("worker_requests", "Requests that have ended"), of_workers!(|worker| worker.requests()))
}
