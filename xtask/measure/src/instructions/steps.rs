//! Follows a worker instruction by instruction.

use std::fs;
use std::ops::Range;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc::{SYS_clock_gettime, SYS_epoll_pwait, SYS_epoll_wait, SYS_recvfrom, user_regs_struct};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::traced::Traced;

/// Many times what a request takes: something is wrong.
const MOST: u64 = 5_000_000;

/// Instructions in user mode of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    /// From the request received to the wait for the backend, and from the response received to the wait for the next
    /// request.
    pub(crate) request: u64,
    /// Of them in the policy's own code.
    pub(crate) guest: u64,
    /// System calls, but for reads of the CPU clock: few instructions here, and much of the time.
    pub(crate) calls: u64,
}

/// Whether a child process may be followed at all.
pub(crate) fn are_permitted() -> Result<bool> {
    let child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn();
    let mut child = child.context("cannot start `sleep`")?;
    let process = Pid::from_raw(child.id().cast_signed());
    let seized = ptrace::seize(process, ptrace::Options::empty());
    child.kill()?;
    child.wait()?;
    match seized {
        Ok(()) => Ok(true),
        Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => Ok(false),
        Err(error) => Err(error).context("cannot trace a process"),
    }
}

/// A worker of the proxy. Between two calls it stands still.
#[derive(Debug)]
pub(crate) struct Worker {
    thread: Traced,
    /// Where compiled guests are.
    guests: Vec<Range<u64>>,
}

impl Worker {
    /// Takes hold of a thread.
    pub(crate) fn attach(process: u32, thread: Pid) -> Result<Self> {
        let guests = code_without_file(&fs::read_to_string(format!("/proc/{process}/maps"))?);
        Ok(Self { thread: Traced::seize(thread)?, guests })
    }

    /// Lets it run while something is done.
    pub(crate) fn run_during(&self, done: impl FnOnce() -> Result<()>) -> Result<()> {
        self.thread.run_during(done)
    }

    /// Lets it run until it has received something.
    pub(crate) fn run_until_received(&self) -> Result<()> {
        let mut signal = None;
        loop {
            ptrace::syscall(self.thread.id(), signal.take())?;
            match self.thread.wait()? {
                WaitStatus::PtraceSyscall(_) => {
                    let registers = ptrace::getregs(self.thread.id())?;
                    // On the way in it is an error number still.
                    if is_call(&registers, &[SYS_recvfrom]) && registers.rax.cast_signed() > 0 {
                        return Ok(());
                    }
                }
                WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
                WaitStatus::Stopped(_, other) => signal = Some(other),
                _ => {}
            }
        }
    }

    /// Lets it do one instruction after the other until it waits for what comes next.
    pub(crate) fn step_until_waiting(&self) -> Result<Counted> {
        let mut counted = Counted { request: 0, guest: 0, calls: 0 };
        let mut signal = None;
        while counted.request < MOST {
            ptrace::step(self.thread.id(), signal.take())?;
            match self.thread.wait()? {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
                WaitStatus::Stopped(_, other) => {
                    signal = Some(other);
                    continue;
                }
                _ => continue,
            }
            counted.request += 1;
            let registers = ptrace::getregs(self.thread.id())?;
            if self.guests.iter().any(|guest| guest.contains(&registers.rip)) {
                counted.guest += 1;
            }
            // It has just come out of one. Not those of a policy's tick, which reads the CPU clock before and after: on a busy machine the steps
            // of a request take so long that one is due in each.
            if registers.orig_rax.cast_signed() >= 0 && !is_call(&registers, &[SYS_clock_gettime]) {
                counted.calls += 1;
            }
            if is_call(&registers, &[SYS_epoll_wait, SYS_epoll_pwait]) {
                return Ok(counted);
            }
        }
        bail!("the worker is still not waiting after {MOST} instructions")
    }
}

/// Whether the thread has just come out of (or, while it is followed by system calls, is on its way into) one of these.
fn is_call(registers: &user_regs_struct, calls: &[i64]) -> bool {
    calls.contains(&registers.orig_rax.cast_signed())
}

/// Mappings that can be executed and come from no file: compiled guests.
fn code_without_file(maps: &str) -> Vec<Range<u64>> {
    let code = maps.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        if !rights.contains('x') || words.nth(3).is_some() {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        Some(u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
    });
    code.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_from_no_file_is_a_guest() {
        let maps = "\
55d0c0a00000-55d0c0b00000 r-xp 00001000 fe:00 1234                       /usr/bin/pointsman
7f0000000000-7f0000004000 r-xp 00000000 00:00 0
7f0000004000-7f0000008000 rw-p 00000000 00:00 0
7ffd0a5f2000-7ffd0a5f4000 r-xp 00000000 00:00 0                          [vdso]
";
        let code = code_without_file(maps);
        assert_eq!(code.len(), 1);
        assert_eq!((code[0].start, code[0].end), (0x7f00_0000_0000, 0x7f00_0000_4000));
    }
}
