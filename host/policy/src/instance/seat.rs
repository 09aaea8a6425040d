//! Where an instance is called, and what becomes of one that fails.

use std::fmt;
use std::sync::Arc;

use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;

use super::super::fault::Fault;
use super::super::version::VersionId;
use super::{Instance, Observation};

/// A place for one instance: taken, or empty until the next one comes.
#[derive(Debug, Default)]
pub(crate) struct Seat(Option<Instance>);

/// An instance that nobody can call any more. All that is left to do is to drop it, where that may take its time.
pub(crate) struct Retired(#[expect(dead_code, reason = "kept to be dropped")] Instance);

/// A call that failed, and the instance that did.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    pub(crate) version: VersionId,
    pub(crate) instance: Retired,
}

impl Seat {
    /// A seat that is taken.
    pub(crate) fn taken(instance: Instance) -> Self {
        Self(Some(instance))
    }

    /// Who sits here.
    pub(crate) fn instance(&self) -> Option<&Instance> {
        self.0.as_ref()
    }

    /// Seats another instance; answers the one before.
    pub(crate) fn replace(&mut self, instance: Instance) -> Option<Retired> {
        self.0.replace(instance).map(Retired)
    }

    /// Empties the seat.
    pub(crate) fn clear(&mut self) -> Option<Retired> {
        self.0.take().map(Retired)
    }

    /// Asks for a verdict; `None` if the seat is empty.
    pub(crate) fn pick(&mut self, head: &RequestHead) -> Option<Result<i64, Failed>> {
        self.call(|instance| instance.pick(head))
    }

    /// Tells of a new topology.
    pub(crate) fn topology(&mut self, topology: &Arc<Topology>) -> Option<Result<(), Failed>> {
        self.call(|instance| instance.topology(Arc::clone(topology)))
    }

    /// Tells how a response ended.
    pub(crate) fn observe(
        &mut self,
        observation: Observation,
        head: Option<&RequestHead>,
    ) -> Option<Result<(), Failed>> {
        self.call(|instance| instance.observe(observation, head))
    }

    /// Lets the guest do what it does at intervals.
    pub(crate) fn tick(&mut self) -> Option<Result<(), Failed>> {
        self.call(Instance::tick)
    }

    /// A copy of the guest's memory.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> Vec<u8> {
        self.0.as_ref().map_or_else(Vec::new, Instance::memory)
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut Instance) -> Result<R, Fault>) -> Option<Result<R, Failed>> {
        let fault = match call(self.0.as_mut()?) {
            Ok(answer) => return Some(Ok(answer)),
            Err(fault) => fault,
        };
        let instance = self.0.take()?;
        Some(Err(Failed { fault, version: instance.version.id, instance: Retired(instance) }))
    }
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Retired")
    }
}
