//! Which CPU runs what.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Where the contender and the load run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Placement {
    /// The contender on one CPU; load generator and backends on another, so that neither takes time from the contender.
    Apart {
        /// The contender's.
        contender: usize,
        /// The load generator's and the backends'.
        load: usize,
    },
    /// The kernel decides: with two workers on two CPUs there is nowhere else to go.
    Unpinned,
}

/// The CPUs that this process may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpus(CpuSet);

impl Cpus {
    /// Asks the kernel.
    pub(crate) fn allowed() -> Result<Self> {
        Ok(Self(sched_getaffinity(None).context("cannot ask for the usable CPUs")?))
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.count() as usize
    }

    /// Contender and load on two CPUs of their own, if there are two.
    pub(crate) fn apart(&self) -> Placement {
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| self.0.is_set(cpu));
        match (usable.next(), usable.next()) {
            (Some(contender), Some(load)) => Placement::Apart { contender, load },
            _ => Placement::Unpinned,
        }
    }

    /// Makes the calling thread one of the load.
    pub(crate) fn run_load(&self, placement: Placement) -> Result<()> {
        self.pin(match placement {
            Placement::Apart { load, .. } => Some(load),
            Placement::Unpinned => None,
        })
    }

    /// Runs something where the contender belongs: a process started by it stays there, with all its threads.
    pub(crate) fn as_contender<T>(&self, placement: Placement, start: impl FnOnce() -> T) -> Result<T> {
        let before = sched_getaffinity(None).context("cannot ask for the usable CPUs")?;
        self.pin(match placement {
            Placement::Apart { contender, .. } => Some(contender),
            Placement::Unpinned => None,
        })?;
        let started = start();
        sched_setaffinity(None, &before).context("cannot set the usable CPUs")?;
        Ok(started)
    }

    fn pin(&self, cpu: Option<usize>) -> Result<()> {
        let set = cpu.map_or(self.0, |cpu| {
            let mut set = CpuSet::new();
            set.set(cpu);
            set
        });
        sched_setaffinity(None, &set).context("cannot set the usable CPUs")
    }
}
