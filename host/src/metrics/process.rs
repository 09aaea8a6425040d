//! The process, under the names that every client library has for it.

use std::fmt;
use std::fs;
use std::time::Duration;

use super::families::Families;
use super::scrape::Scrape;
use crate::open_files::OpenFiles;

/// Ticks a second in /proc: the kernel's interface is fixed.
const TICKS: u64 = 100;

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let Some(stat) = Stat::read() else { return Ok(()) };
    let described = ("process_cpu_seconds", "CPU time that the process has used");
    families.counter(described, [([], stat.cpu.as_secs_f64())])?;
    let described = ("process_resident_memory_bytes", "Memory that the process holds");
    families.gauge(described, [([], stat.resident_bytes as f64)])?;
    let described = ("process_start_time_seconds", "When the process began, since the epoch");
    families.gauge(described, [([], stat.started)])?;
    let open = scrape.open_files.map_or(0.0, |open| open as f64);
    families.gauge(("process_open_fds", "Files that are open"), [([], open)])?;
    let limit = OpenFiles::of_process().limit() as f64;
    families.gauge(("process_max_fds", "Files that may be open"), [([], limit)])
}

/// What the kernel says of the process.
struct Stat {
    cpu: Duration,
    resident_bytes: u64,
    /// Seconds since the epoch.
    started: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field, the command, may hold anything, even brackets.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot: u64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(Self {
            cpu: Duration::from_millis((field(14)? + field(15)?) * 1000 / TICKS),
            resident_bytes: field(24)? * rustix::param::page_size() as u64,
            started: boot as f64 + field(22)? as f64 / TICKS as f64,
        })
    }
}
