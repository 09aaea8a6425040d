//! The ordered backends of a pool and which of them may be picked.

use std::sync::Arc;

use pointsman_sdk::abi::flag;

use crate::backend::{Backend, BackendIndex, BackendStats};
use crate::request::Tried;

/// A backend of a pool, and how it stands at the moment.
#[derive(Debug, Clone)]
pub struct Member {
    /// The backend.
    pub backend: Arc<Backend>,
    /// Whether it is fit to serve, as far as the proxy knows.
    pub healthy: bool,
    /// Its share of requests in relation to the others at the moment, in thousandths; never above
    /// [`Backend::weight`].
    pub weight: u32,
}

impl Member {
    /// A healthy backend with its whole weight.
    #[must_use]
    pub fn healthy(backend: Arc<Backend>) -> Self {
        let weight = backend.weight;
        Self { backend, healthy: true, weight }
    }
}

/// The backends of a pool at one moment, in order, with what decides their eligibility.
///
/// Immutable: a change of backends, health or weights makes a new one with the next generation.
#[derive(Debug)]
pub struct Topology {
    generation: u64,
    backends: Box<[Arc<Backend>]>,
    stats: Box<[Arc<BackendStats>]>,
    flags: Box<[u32]>,
    weights: Box<[u32]>,
    eligible: usize,
}

impl Topology {
    /// Builds the topology of these backends. All are taken for healthy.
    #[must_use]
    pub fn new(generation: u64, backends: Vec<Arc<Backend>>) -> Self {
        let members: Vec<Member> = backends.into_iter().map(Member::healthy).collect();
        Self::of(generation, &members)
    }

    /// Builds the topology of these members, in their order.
    #[must_use]
    pub fn of(generation: u64, members: &[Member]) -> Self {
        let fit = |member: &Member| member.healthy && !member.backend.draining;
        let backups_serve = !members.iter().any(|member| fit(member) && !member.backend.backup);
        let flags: Box<[u32]> = members
            .iter()
            .map(|member| {
                let eligible = fit(member) && (backups_serve || !member.backend.backup);
                [
                    (member.healthy, flag::HEALTHY),
                    (eligible, flag::ELIGIBLE),
                    (member.backend.draining, flag::DRAINING),
                    (member.backend.backup, flag::BACKUP),
                ]
                .iter()
                .fold(0, |flags, (is_set, flag)| if *is_set { flags | flag } else { flags })
            })
            .collect();
        let eligible = flags.iter().filter(|&&flags| flags & flag::ELIGIBLE != 0).count();
        let weights = members.iter().map(|member| member.weight).collect();
        let stats = members.iter().map(|member| Arc::clone(&member.backend.stats)).collect();
        let backends = members.iter().map(|member| Arc::clone(&member.backend)).collect();
        Self { generation, backends, stats, flags, weights, eligible }
    }

    /// Counts up with every new topology of a pool.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// All backends; a [`BackendIndex`] is a place in this slice.
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// The backend at an index, if there is one.
    #[must_use]
    pub fn get(&self, index: BackendIndex) -> Option<&Arc<Backend>> {
        self.backends.get(index.get())
    }

    /// Live numbers of all backends, one step nearer than through [`backends`](Self::backends).
    #[must_use]
    pub fn stats(&self) -> &[Arc<BackendStats>] {
        &self.stats
    }

    /// Flags of all backends, in the bits of [`flag`].
    #[must_use]
    pub fn flags(&self) -> &[u32] {
        &self.flags
    }

    /// Effective weights of all backends, in thousandths.
    #[must_use]
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// How many backends are eligible.
    #[must_use]
    pub fn eligible(&self) -> usize {
        self.eligible
    }

    /// Whether the backend at an index may be picked.
    #[must_use]
    pub fn is_eligible(&self, index: BackendIndex) -> bool {
        self.flags.get(index.get()).is_some_and(|flags| flags & flag::ELIGIBLE != 0)
    }

    /// Whether any backend is left for a request that may not use those it has tried.
    #[must_use]
    pub fn offers(&self, tried: &Tried) -> bool {
        // Only a retry has to look; it has tried as many as it has attempts behind it.
        tried.is_empty() && self.eligible > 0
            || (0..self.backends.len() as u32)
                .map(BackendIndex)
                .any(|index| self.is_eligible(index) && !tried.contains(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Backends written as letters: `s` serves, `u` is unhealthy, `b` backup, `d` draining, `x` draining backup.
    fn eligible(kinds: &str) -> Vec<usize> {
        let members: Vec<Member> = kinds
            .chars()
            .map(|kind| {
                let member = Member::healthy(Arc::new(Backend {
                    name: kind.to_string().into(),
                    address: ([127, 0, 0, 1], 1).into(),
                    weight: 1000,
                    zone: "".into(),
                    labels: [].into(),
                    backup: matches!(kind, 'b' | 'x'),
                    draining: matches!(kind, 'd' | 'x'),
                    stats: Arc::default(),
                }));
                Member { healthy: kind != 'u', ..member }
            })
            .collect();
        let topology = Topology::of(1, &members);
        let places: Vec<usize> =
            (0..kinds.len()).filter(|&i| topology.is_eligible(BackendIndex(i as u32))).collect();
        assert_eq!(topology.eligible(), places.len());
        places
    }

    #[test]
    fn backups_serve_only_when_nothing_else_does() {
        assert_eq!(eligible("ssb"), [0, 1]);
        assert_eq!(eligible("dsb"), [1]);
        assert_eq!(eligible("ddb"), [2]);
        assert_eq!(eligible("ddx"), [] as [usize; 0]);
        assert_eq!(eligible("bb"), [0, 1]);
        assert_eq!(eligible("usb"), [1]);
        assert_eq!(eligible("udb"), [2]);
        assert_eq!(eligible("uu"), [] as [usize; 0]);
        assert_eq!(eligible(""), [] as [usize; 0]);
    }
}
