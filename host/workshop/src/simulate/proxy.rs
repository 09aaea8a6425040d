//! A proxy in front of made-up backends: the real pool, picks and policy.

use std::sync::Arc;

use pointsman_core::backend::{Backend, BackendStats, TopologyGeneration};
use pointsman_core::request::RequestHead;
use pointsman_policy::{
    Pick, PolicySettings, Response, SimulatedRequest, Simulation, SimulationError, Testbed,
};

use crate::made_up;
use crate::spec::{BackendGroup, Loaded, Spec};

/// One proxy.
pub(super) struct Proxy {
    pub(super) simulation: Simulation,
    /// The numbers of the backends in the simulation, by their places in this topology.
    numbers: (TopologyGeneration, Vec<u32>),
    /// Requests that have begun or ended since policies have seen the counts last; none where they see them as they are.
    unseen: Option<Vec<(Arc<BackendStats>, Change)>>,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Begun,
    Ended,
}

/// A request at one of the backends.
pub(super) struct Sent {
    pub(super) request: SimulatedRequest,
    /// The backend's number in the simulation.
    pub(super) backend: u32,
}

impl Proxy {
    /// `index` is its number among the proxies, from 0 on.
    pub(super) fn open(
        testbed: &Testbed,
        spec: &Spec,
        policy: &Loaded,
        (index, seed): (u32, u64),
    ) -> Result<Self, SimulationError> {
        let config = policy.config_of(index, spec.run.get_ref().proxies).into();
        let settings = PolicySettings { config, ..PolicySettings::default() };
        let backends =
            spec.members().enumerate().map(|(number, (name, group))| backend(number, &name, group));
        let simulation = testbed.proxy(policy.plugin.clone(), backends.collect(), settings, seed)?;
        let unseen = (spec.run.get_ref().counts_every.0 > 0).then(Vec::new);
        Ok(Self { simulation, numbers: (TopologyGeneration::default(), Vec::new()), unseen })
    }

    /// Picks a backend and sends the request there.
    ///
    /// # Errors
    ///
    /// What the pick was instead.
    #[inline]
    pub(super) fn send(&mut self, head: &mut RequestHead) -> Result<Sent, Pick> {
        let request = self.simulation.pick(head)?;
        let generation = self.simulation.topology().generation();
        if generation != self.numbers.0 {
            self.number(generation);
        }
        let backend = self.numbers.1[request.picked().index.get()];
        match &mut self.unseen {
            None => request.stats().begin(),
            Some(unseen) => unseen.push((Arc::clone(request.stats()), Change::Begun)),
        }
        Ok(Sent { request, backend })
    }

    /// A request has ended.
    #[inline]
    pub(super) fn end(&mut self, sent: Sent, response: &Response) {
        match &mut self.unseen {
            None => self.simulation.respond(sent.request, response),
            Some(unseen) => {
                let stats = Arc::clone(sent.request.stats());
                pointsman_policy::count(&stats, self.simulation.now(), response);
                unseen.push((stats, Change::Ended));
                self.simulation.observe(sent.request, response);
            }
        }
    }

    /// The policy sees the counts as they are now.
    pub(super) fn refresh(&mut self) {
        for (stats, change) in self.unseen.iter_mut().flat_map(|unseen| unseen.drain(..)) {
            match change {
                Change::Begun => stats.begin(),
                Change::Ended => stats.end(),
            }
        }
    }

    #[cold]
    fn number(&mut self, generation: TopologyGeneration) {
        let number = |backend: &Arc<Backend>| u32::from(backend.address.ends_at().port());
        let numbers = self.simulation.topology().backends().iter().map(number).collect();
        self.numbers = (generation, numbers);
    }
}

/// A backend as the proxies know it. Its port is its number.
pub(super) fn backend(number: usize, name: &str, group: &BackendGroup) -> Backend {
    let port = u16::try_from(number).unwrap_or(u16::MAX);
    made_up::backend((name, port), group.weight, &group.zone, &group.labels)
}
