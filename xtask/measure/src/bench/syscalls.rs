//! System calls per request, counted by strace in a short run of their own.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::contender::{Running, find, signal};
use super::interrupt::Interrupt;

/// How long strace may take to take hold of a contender, and to let go of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls by name.
pub(crate) type Calls = BTreeMap<String, f64>;

/// A strace that counts.
#[derive(Debug)]
pub(crate) struct Counting {
    strace: Child,
    output: tempfile::NamedTempFile,
}

impl Counting {
    /// Takes hold of all threads of a contender.
    ///
    /// # Errors
    /// There is no strace, or the kernel doesn't allow it.
    pub(crate) fn start(running: &Running, interrupt: &Interrupt) -> Result<Self> {
        let strace =
            find("strace").context("strace isn't installed; on Debian: sudo apt-get install strace")?;
        let output = tempfile::NamedTempFile::new()?;
        let mut command = Command::new(strace);
        command.args(["-f", "-c", "-o"]).arg(output.path());
        for process in running.processes() {
            command.args(["-p", &process.to_string()]);
        }
        let strace = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut counting = Self { strace, output };
        let deadline = Instant::now() + PATIENCE;
        while !are_traced(running.processes())? {
            interrupt.check()?;
            if counting.strace.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("strace may not watch the contender (see /proc/sys/kernel/yama/ptrace_scope)");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(counting)
    }

    /// Lets go, and says what was counted.
    pub(crate) fn stop(mut self) -> Result<Calls> {
        signal(self.strace.id(), Signal::INT);
        let deadline = Instant::now() + PATIENCE;
        while self.strace.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("strace doesn't end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(parse(&fs::read_to_string(self.output.path())?))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            signal(self.strace.id(), Signal::KILL);
            // It was killed.
            let _ = self.strace.wait();
        }
    }
}

fn are_traced(processes: &[u32]) -> Result<bool> {
    for process in processes {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            if status.lines().any(|line| line.split_whitespace().eq(["TracerPid:", "0"])) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Reads the table of `strace -c`: share, seconds, µs a call, calls, errors (or nothing), name.
fn parse(table: &str) -> Calls {
    let rows = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let name = *fields.last().filter(|name| **name != "total")?;
        fields.first()?.parse::<f64>().ok()?;
        Some((name.to_owned(), fields.get(3)?.parse::<f64>().ok()?))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_calls_is_read() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           0      2000           sendto
 40.00    0.000400           0      2001        12 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           0      4001        12 total
";
        let calls = parse(table);
        assert_eq!(calls.len(), 2);
        assert_eq!((calls["sendto"], calls["recvfrom"]), (2000.0, 2001.0));
        assert!(parse("").is_empty());
    }
}
