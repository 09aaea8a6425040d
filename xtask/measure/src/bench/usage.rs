//! What a contender has used so far, of all its processes and threads, as the kernel counts it.

use std::fs;
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// Length of a tick in /proc/PID/stat, µs: the kernel's interface is fixed to 100 a second.
const TICK_US: f64 = 10_000.0;

/// Counters that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// CPU time in user mode, µs. Ticks: right on average, rough over a short time.
    pub(crate) user_us: f64,
    /// CPU time in the kernel, µs.
    pub(crate) kernel_us: f64,
    /// CPU time, µs, exact; with that of threads that have ended.
    pub(crate) cpu_us: f64,
    /// Context switches, voluntary or not, of the threads that are left: one that ends takes its own along.
    pub(crate) switches: f64,
    /// Page faults, minor and major.
    pub(crate) faults: f64,
}

impl Usage {
    /// Of some processes.
    pub(crate) fn of(processes: &[u32]) -> Result<Self> {
        let mut total = Self::default();
        for process in processes {
            let folder = PathBuf::from(format!("/proc/{process}"));
            total.add_stat(&read(&folder.join("stat"))?).context("cannot understand /proc/PID/stat")?;
            total.cpu_us += cpu_us(*process)?;
            for thread in fs::read_dir(folder.join("task")).context("a contender has ended")? {
                let thread = thread?.path();
                // A thread may end between the listing and this.
                let Ok(status) = read(&thread.join("status")) else { continue };
                total.switches += number(&status, "voluntary_ctxt_switches:")
                    + number(&status, "nonvoluntary_ctxt_switches:");
            }
        }
        Ok(total)
    }

    /// Of the calling thread and another of this process: CPU time only.
    pub(crate) fn cpu_of_threads(threads: &[u32]) -> f64 {
        let times = threads.iter().filter_map(|thread| {
            let time = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
            time.split(' ').next()?.parse::<f64>().ok()
        });
        times.sum::<f64>() / 1000.0
    }

    fn add_stat(&mut self, stat: &str) -> Option<()> {
        // The second field, the command, may hold anything, even brackets.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        self.faults += field(10)? + field(12)?;
        self.user_us += field(14)? * TICK_US;
        self.kernel_us += field(15)? * TICK_US;
        Some(())
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let user_us = self.user_us - before.user_us;
        let kernel_us = self.kernel_us - before.kernel_us;
        let ticks = user_us + kernel_us;
        let cpu_us = self.cpu_us - before.cpu_us;
        // The ticks say how the exact time is divided.
        let share = if ticks > 0.0 { user_us / ticks } else { 0.0 };
        Self {
            user_us: cpu_us * share,
            kernel_us: cpu_us * (1.0 - share),
            cpu_us,
            switches: self.switches - before.switches,
            faults: self.faults - before.faults,
        }
    }
}

/// CPU time of all threads that a process has had, µs: the sum over /proc/PID/task would fall when one ends.
fn cpu_us(process: u32) -> Result<f64> {
    let time = clock_getcpuclockid(Pid::from_raw(process.cast_signed())).and_then(|clock| clock.now());
    let time =
        Duration::from(time.with_context(|| format!("cannot read the CPU time of process {process}"))?);
    Ok(time.as_nanos() as f64 / 1000.0)
}

/// A process and all that descend from it.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(process) = found.get(next).copied() {
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        found.extend(children.unwrap_or_default().split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        next += 1;
    }
    found
}

/// Memory of some processes, bytes; of a page that several share, each counts its part.
pub(crate) fn resident_bytes(processes: &[u32]) -> Result<u64> {
    let mut total = 0.0;
    for process in processes {
        total += number(&read(Path::new(&format!("/proc/{process}/smaps_rollup")))?, "Pss:") * 1024.0;
    }
    Ok(total as u64)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The number behind a name at the beginning of a line; zero without it.
fn number(text: &str, name: &str) -> f64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use nix::time::ClockId;

    use super::*;

    const STAT: &str = "77 (od) d (x)) S 1 77 77 0 -1 4194560 1500 0 3 0 250 750 0 0 20 0 4 0 1 2 3";

    #[test]
    fn a_stat_line_is_read_behind_the_command() {
        let mut usage = Usage::default();
        usage.add_stat(STAT).unwrap();
        assert_eq!((usage.faults, usage.user_us, usage.kernel_us), (1503.0, 2.5e6, 7.5e6));
    }

    #[test]
    fn exact_time_is_divided_as_the_ticks_are() {
        let after = Usage { user_us: 10_000.0, kernel_us: 30_000.0, cpu_us: 44_000.0, ..Usage::default() };
        let used = after - Usage::default();
        assert_eq!((used.user_us, used.kernel_us, used.cpu_us), (11_000.0, 33_000.0, 44_000.0));
    }

    #[test]
    fn a_number_is_found_by_its_whole_name() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(number(status, "voluntary_ctxt_switches:"), 12.0);
        assert_eq!(number(status, "nonvoluntary_ctxt_switches:"), 3.0);
        assert_eq!(number(status, "missing:"), 0.0);
    }

    #[test]
    fn this_process_has_used_something() {
        let this = [std::process::id()];
        assert!(Usage::of(&this).unwrap().faults > 0.0);
        assert!(resident_bytes(&this).unwrap() > 0);
        assert_eq!(family(this[0])[0], this[0]);
    }

    #[test]
    fn what_a_thread_has_used_stays_counted_when_it_has_ended() {
        let this = [std::process::id()];
        let before = Usage::of(&this).unwrap();
        let thread = std::thread::spawn(|| {
            let thread = ClockId::CLOCK_THREAD_CPUTIME_ID;
            while Duration::from(thread.now().unwrap()) < Duration::from_millis(2) {}
        });
        thread.join().unwrap();
        assert!((Usage::of(&this).unwrap() - before).cpu_us >= 2000.0);
    }
}
