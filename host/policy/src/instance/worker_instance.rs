//! A worker's instance of a policy, which is given up as soon as a call fails.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pointsman_core::picks::Given;
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;

use super::{Instance, Observation};
use crate::fault::Fault;
use crate::version::VersionId;

/// The one instance that a worker calls; none between a failed one and the next.
#[derive(Debug, Default)]
pub(crate) struct WorkerInstance(Option<Instance>);

/// An instance that can't be called any more. It is to be dropped on a thread that has the time.
pub(crate) struct Retired(#[expect(dead_code, reason = "kept to be dropped")] Instance);

/// A call that failed, with its instance.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub(crate) fault: Fault,
    pub(crate) version: VersionId,
    pub(crate) instance: Retired,
}

impl WorkerInstance {
    /// With this instance.
    pub(crate) fn new(instance: Instance) -> Self {
        Self(Some(instance))
    }

    /// The instance, if there is one.
    #[inline]
    pub(crate) fn get(&self) -> Option<&Instance> {
        self.0.as_ref()
    }

    /// Gives the instance up.
    pub(crate) fn clear(&mut self) -> Option<Retired> {
        self.0.take().map(Retired)
    }

    /// The CPU time of each call but `topology` from now on.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        if let Some(instance) = &mut self.0 {
            instance.guest.state().watch.set_deadline(deadline);
        }
    }

    /// From now on, what the guest is told is kept there; nowhere if `None`.
    pub(crate) fn keep_given(&mut self, given: Option<Arc<Mutex<Given>>>) {
        if let Some(instance) = &mut self.0 {
            instance.guest.state().call.keeps = given;
        }
    }

    /// Calls `pick` for a verdict; `None` if there is no instance.
    pub(crate) fn pick(&mut self, head: &RequestHead) -> Option<Result<i64, FailedCall>> {
        self.call(|instance| instance.pick(head))
    }

    /// Calls the `topology` hook with a new topology.
    pub(crate) fn topology(&mut self, topology: &Arc<Topology>) -> Option<Result<(), FailedCall>> {
        self.call(|instance| instance.topology(Arc::clone(topology)))
    }

    /// Calls the `observe` hook with the end of a response.
    pub(crate) fn observe(
        &mut self,
        observation: Observation,
        head: Option<&RequestHead>,
    ) -> Option<Result<(), FailedCall>> {
        self.call(|instance| instance.observe(observation, head))
    }

    /// Calls the `tick` hook.
    pub(crate) fn tick(&mut self) -> Option<Result<(), FailedCall>> {
        self.call(Instance::tick)
    }

    /// A copy of the guest's memory.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> Vec<u8> {
        self.0.as_ref().map_or_else(Vec::new, Instance::memory)
    }

    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Instance) -> Result<R, Fault>,
    ) -> Option<Result<R, FailedCall>> {
        let fault = match call(self.0.as_mut()?) {
            Ok(answer) => return Some(Ok(answer)),
            Err(fault) => fault,
        };
        let instance = self.0.take()?;
        Some(Err(FailedCall { fault, version: instance.version.id, instance: Retired(instance) }))
    }
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Retired")
    }
}
