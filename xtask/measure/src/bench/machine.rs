//! The machine that the numbers come from, and how busy it was with other things.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::placement::Cpus;

/// What a reader has to know to judge the numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    /// CPUs that the benchmark may use.
    cpus: usize,
    kernel: String,
    memory_bytes: u64,
}

/// How busy the machine was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct SystemLoad {
    /// Average over the last minute.
    pub(crate) load: f64,
    /// Time that a hypervisor gave to others since boot, ticks.
    steal: f64,
    /// All time since boot, ticks.
    total: f64,
}

impl Machine {
    pub(crate) fn describe(cpus: &Cpus) -> Self {
        let after = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let value =
                text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':')?.1.trim().into());
            value.map(str::to_owned).unwrap_or_default()
        };
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let memory = after("/proc/meminfo", "MemTotal");
        let kibibytes = memory.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        Self {
            cpu: after("/proc/cpuinfo", "model name"),
            cpus: cpus.count(),
            kernel,
            memory_bytes: kibibytes.unwrap_or_default() * 1024,
        }
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let Self { cpu, cpus, kernel, .. } = self;
        format!("{cpu}, {cpus} CPUs usable, Linux {kernel}, {} GiB", self.memory_bytes >> 30)
    }
}

impl SystemLoad {
    pub(crate) fn now() -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        Self::parse(&load, &stat)
    }

    fn parse(load: &str, stat: &str) -> Self {
        let ticks: Vec<f64> = stat
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        Self {
            load: load.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default(),
            steal: ticks.get(7).copied().unwrap_or_default(),
            total: ticks.iter().sum(),
        }
    }

    /// Per cent of the time since an earlier look that a hypervisor gave to others.
    pub(crate) fn stolen_percent(&self, before: &Self) -> f64 {
        100.0 * (self.steal - before.steal) / (self.total - before.total).max(1.0)
    }
}

/// Lets this process, and those that it starts, open as many files as the hard limit allows; returns that.
pub(crate) fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 20);
    let raised = Rlimit { current: Some(most), maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => most,
        Err(_) => limit.current.unwrap_or(1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_stolen_time_are_read() {
        let before = SystemLoad::parse("1.25 0.5 0.1 1/2 3\n", "cpu  10 0 20 60 0 0 0 10 0 0\ncpu0 1\n");
        let after = SystemLoad::parse("2.00 0.5 0.1 1/2 3\n", "cpu  40 0 40 90 0 0 0 30 0 0\n");
        assert_eq!((before.load, after.load), (1.25, 2.0));
        assert_eq!(after.stolen_percent(&before), 20.0);
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::describe(&Cpus::allowed().unwrap());
        assert!(machine.cpus > 0 && machine.memory_bytes > 0 && !machine.kernel.is_empty(), "{machine:?}");
    }
}
