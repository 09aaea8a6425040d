//! A thread in our hands, by ptrace(2).

use anyhow::{Context, Result, bail};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A thread that stands still but for what it is told to do, until this is dropped.
#[derive(Debug)]
pub(crate) struct Traced(Pid);

impl Traced {
    /// Takes hold of a thread and stops it.
    pub(crate) fn seize(thread: Pid) -> Result<Self> {
        ptrace::seize(thread, ptrace::Options::PTRACE_O_TRACESYSGOOD).context("cannot trace the proxy")?;
        let traced = Self(thread);
        traced.stop()?;
        Ok(traced)
    }

    pub(crate) fn id(&self) -> Pid {
        self.0
    }

    /// Lets it run while something is done, and stops it again.
    pub(crate) fn run_during<T>(&self, done: impl FnOnce() -> Result<T>) -> Result<T> {
        ptrace::cont(self.0, None)?;
        let done = done();
        self.stop()?;
        done
    }

    /// Waits until it stands still again.
    pub(crate) fn wait(&self) -> Result<WaitStatus> {
        match waitpid(self.0, Some(WaitPidFlag::__WALL))? {
            ended @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                bail!("the proxy has ended: {ended:?}")
            }
            stopped => Ok(stopped),
        }
    }

    fn stop(&self) -> Result<()> {
        ptrace::interrupt(self.0)?;
        loop {
            match self.wait()? {
                // Before it is interrupted it gets what was on its way.
                WaitStatus::Stopped(_, signal) if signal != Signal::SIGTRAP => {
                    ptrace::cont(self.0, signal)?;
                }
                _ => return Ok(()),
            }
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if ptrace::detach(self.0, None).is_err() {
            // It runs, or it has ended: whoever traces has to hear of that, or the process never ends.
            let _ = ptrace::interrupt(self.0);
            let _ = waitpid(self.0, Some(WaitPidFlag::__WALL));
            let _ = ptrace::detach(self.0, None);
        }
    }
}
