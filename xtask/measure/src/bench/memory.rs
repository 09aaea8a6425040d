//! Memory: of a contender that has nothing to do, and of connections that have nothing to do.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::backend::Backends;
use super::contender::{Contender, Running};
use super::generator::{Generator, Request, Reuse};
use super::placement::Placement;
use super::report::MemoryReport;
use super::scenario::Field;
use super::schedule::Arrivals;
use super::session::Session;
use super::usage::resident_bytes;

const WORKERS: usize = 2;
const BACKENDS: usize = 3;

/// Connections that a contender is configured for when it is idle: Debian's default for nginx.
const CONFIGURED: usize = 768;

/// Files that a process has open beside the connections.
const OTHER_FILES: usize = 600;

/// Connections that are opened together.
const AT_A_TIME: usize = 50;

/// How long a contender is left alone before its memory is read.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Measures the memory of each contender.
    pub(crate) fn measure_memory(&self) -> Result<Vec<MemoryReport>> {
        let connections = self.idle_connections();
        self.cpus.run_load(Placement::Unpinned)?;
        let backends = Backends::start(BACKENDS, self.cpus, Placement::Unpinned)?;
        let contenders = self.programs.field(Field::All);
        contenders.iter().map(|contender| self.memory_of(contender, connections, &backends)).collect()
    }

    fn memory_of(
        &self,
        contender: &Contender,
        connections: usize,
        backends: &Backends,
    ) -> Result<MemoryReport> {
        let idle = self.start_for(contender, CONFIGURED, backends)?;
        std::thread::sleep(SETTLE);
        let idle_bytes = resident_bytes(idle.processes())?;
        drop(idle);

        // nginx has its connections' memory from the start, so being able to hold so many belongs to their price.
        let running = self.start_for(contender, connections, backends)?;
        let mut held = Vec::new();
        let request = Request::new(12, 0, Reuse::KeepAlive);
        let mut opened = 0;
        while opened < connections {
            // A few at a time: as many requests at once would need as many connections to backends.
            let count = AT_A_TIME.min(connections - opened);
            let mut generator = Generator::connect(running.address, count, Reuse::KeepAlive, self.interrupt)?;
            let requests = Arrivals::Counted { requests: count as u64 };
            let outcome = generator.run(&request, requests)?;
            ensure!(outcome.failed() == 0, "{}: {:?}", contender.name, outcome.failures);
            held.push((generator, requests));
            opened += count;
        }
        std::thread::sleep(SETTLE);
        let held_bytes = resident_bytes(running.processes())?;
        for (generator, requests) in &mut held {
            let outcome = generator.run(&request, *requests)?;
            ensure!(
                outcome.failed() == 0 && outcome.reopened == 0,
                "{} doesn't hold {connections} idle connections: {:?}, {} were closed",
                contender.name,
                outcome.failures,
                outcome.reopened
            );
        }
        let connection_bytes = (held_bytes as f64 - idle_bytes as f64) / connections as f64;
        Ok(MemoryReport { name: contender.name, idle_bytes, connections, connection_bytes })
    }

    fn start_for(&self, contender: &Contender, connections: usize, backends: &Backends) -> Result<Running> {
        let setup = self.setup(WORKERS, connections, Placement::Unpinned, backends);
        Running::start(contender, &setup, self.interrupt)
    }

    /// As many as wanted, or as the limit of open files allows.
    fn idle_connections(&self) -> usize {
        let wanted = self.length.idle_connections;
        let possible = usize::try_from(self.files).unwrap_or(usize::MAX).saturating_sub(OTHER_FILES);
        if possible < wanted {
            eprintln!(
                "xtask: {possible} idle connections instead of {wanted}: a process may open {} files here (ulimit -Hn)",
                self.files
            );
        }
        wanted.min(possible)
    }
}
