//! Whether memory grows with the number of requests.

use anyhow::{Result, ensure};

use super::backend::Backends;
use super::contender::Running;
use super::generator::{Generator, Request};
use super::memory::SETTLE;
use super::report::GrowthReport;
use super::scenario::SMALL;
use super::schedule::Arrivals;
use super::session::Session;
use super::usage::resident_bytes;

/// The requests are sent in this many parts of the same length; memory is read after each. The first one warms up.
const PARTS: usize = 11;

impl Session<'_> {
    /// Measures Pointsman's memory between millions of small requests on connections that stay open.
    pub(crate) fn measure_growth(&self) -> Result<GrowthReport> {
        let placement = self.cpus.apart();
        self.cpus.run_load(placement)?;
        let backends = Backends::start(SMALL.backends, self.cpus, placement)?;
        let contender = self.programs.own();
        let setup = self.setup(SMALL.workers, SMALL.connections, placement, &backends);
        let running = Running::start(&contender, &setup, self.interrupt)?;
        let mut generator =
            Generator::connect(running.address, SMALL.connections, SMALL.reuse, self.interrupt)?;
        let request = Request::new(SMALL.download, SMALL.upload, SMALL.reuse);
        let step = self.length.growth_requests;
        let mut samples = Vec::new();
        for _ in 0..PARTS {
            let outcome = generator.run(&request, Arrivals::Counted { requests: step })?;
            ensure!(outcome.failed() == 0, "{}: {:?}", contender.name, outcome.failures);
            std::thread::sleep(SETTLE);
            samples.push(resident_bytes(running.processes())?);
        }
        Ok(GrowthReport { name: contender.name, step, resident_bytes: samples })
    }
}
