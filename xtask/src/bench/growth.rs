//! Whether memory grows with the number of requests.

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::backend::Backends;
use super::contender::{Contender, Running};
use super::generator::{Generator, Request, Reuse};
use super::memory::{BACKENDS, SETTLE};
use super::placement::Placement;
use super::scenario::Field;
use super::schedule::Arrivals;
use super::session::Session;
use super::usage::resident_bytes;

/// Client connections, as in most scenarios.
const CONNECTIONS: usize = 64;

/// The requests are sent in so many parts of the same length; memory is looked at after each. The first one warms up.
const PARTS: usize = 11;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct GrowthReport {
    pub(crate) name: &'static str,
    /// Requests between two looks.
    pub(crate) step: u64,
    /// Memory at each look, while the connections are idle, bytes.
    pub(crate) resident_bytes: Vec<u64>,
}

impl Session<'_> {
    /// Looks at Pointsman's memory between millions of requests on connections that stay open.
    pub(crate) fn measure_growth(&self) -> Result<GrowthReport> {
        let placement = self.cpus.apart();
        self.cpus.run_load(placement)?;
        let backends = Backends::start(BACKENDS, self.cpus, placement)?;
        let contenders = self.programs.field(Field::All);
        let contender =
            contenders.iter().find(|contender| contender.is_pointsman()).context("no Pointsman")?;
        self.growth_of(contender, placement, &backends)
    }

    fn growth_of(
        &self,
        contender: &Contender,
        placement: Placement,
        backends: &Backends,
    ) -> Result<GrowthReport> {
        let setup = self.setup(1, CONNECTIONS, placement, backends);
        let running = Running::start(contender, &setup, self.interrupt)?;
        let mut generator =
            Generator::connect(running.address, CONNECTIONS, Reuse::KeepAlive, self.interrupt)?;
        let request = Request::new(12, 0, Reuse::KeepAlive);
        let step = self.extent.growth_requests;
        let mut looks = Vec::new();
        for _ in 0..PARTS {
            let outcome = generator.run(&request, Arrivals::Counted { requests: step })?;
            ensure!(outcome.failed() == 0, "{}: {:?}", contender.name, outcome.failures);
            std::thread::sleep(SETTLE);
            looks.push(resident_bytes(running.processes())?);
        }
        Ok(GrowthReport { name: contender.name, step, resident_bytes: looks })
    }
}
