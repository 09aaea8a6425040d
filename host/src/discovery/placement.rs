//! Brings what DNS says into a pool: who comes, who stays, who leaves.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use pointsman_core::backend::{Backend, BackendStats, Source};
use pointsman_core::pool::Pool;
use pointsman_core::topology::Member;
use pointsman_sdk::abi::WEIGHT_UNIT;

use crate::config::{DiscoveredConfig, Question};
use crate::health::HealthSettings;

use super::DiscoveredPool;
use super::answer::{Answer, Found};

/// Most backends of a pool, those of the file included.
const MOST: usize = 10_000;

/// A pool and the entries of it that DNS fills.
///
/// The backends of the file come first, in its order; after them those that DNS names, sorted by address. So a policy
/// that hashes sees the same list on every proxy of a fleet, whatever order a DNS server answers in. An address that
/// the pool has already isn't added again.
#[derive(Debug)]
pub(super) struct Placement {
    pool: Arc<Pool>,
    entries: Vec<DiscoveredConfig>,
    health: Arc<HealthSettings>,
    placed: Vec<Arc<Backend>>,
    /// Backends that left while requests were running there, so that one that comes back goes on counting.
    departed: HashMap<Box<str>, Weak<BackendStats>>,
}

/// How many backends a change brought and took.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) came: usize,
    pub(super) left: usize,
    /// In the pool because of DNS.
    pub(super) present: usize,
}

impl Placement {
    /// Nothing has been placed yet.
    pub(super) fn new(pool: DiscoveredPool) -> Self {
        let DiscoveredPool { pool, entries, health } = pool;
        Self { pool, entries, health, placed: Vec::new(), departed: HashMap::new() }
    }

    /// Goes on from an older state of the same pool.
    pub(super) fn succeed(self, old: Self) -> Self {
        Self { placed: old.placed, departed: old.departed, ..self }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn entries(&self) -> &[DiscoveredConfig] {
        &self.entries
    }

    /// Makes the pool what the answers say; `None` if it is that already.
    pub(super) fn place<'a>(&mut self, answers: impl Fn(&Question) -> Option<&'a Answer>) -> Option<Moved> {
        let topology = self.pool.topology();
        let (of_file, there): (Vec<_>, Vec<_>) =
            topology.backends().iter().partition(|backend| backend.source == Source::File);
        let wanted = self.wanted(&of_file, answers);
        let same = |(one, other): (&&Arc<Backend>, &Arc<Backend>)| Arc::ptr_eq(one, other);
        if there.len() == wanted.len() && there.iter().zip(&wanted).all(same) {
            return None;
        }
        // A topology that nobody holds any more lets go of those that left.
        drop(topology);
        self.pool.change(|members| replace(members, &wanted, &self.health));

        let before: HashSet<&str> = self.placed.iter().map(|backend| &*backend.name).collect();
        let stays: HashSet<&str> = wanted.iter().map(|backend| &*backend.name).collect();
        let gone = self.placed.iter().filter(|backend| !stays.contains(&*backend.name));
        let gone: Vec<_> = gone.map(|gone| (gone.name.clone(), Arc::downgrade(&gone.stats))).collect();
        let came = wanted.iter().filter(|backend| !before.contains(&*backend.name)).count();
        let moved = Moved { came, left: gone.len(), present: wanted.len() };
        self.placed = wanted;
        self.departed.extend(gone);
        self.departed.retain(|_, stats| stats.strong_count() > 0);
        Some(moved)
    }

    /// The backends that shall be there, in order; those that are as before are the same ones.
    fn wanted<'a>(
        &self,
        of_file: &[&Arc<Backend>],
        answers: impl Fn(&Question) -> Option<&'a Answer>,
    ) -> Vec<Arc<Backend>> {
        let mut addresses: HashSet<SocketAddr> = of_file.iter().map(|backend| backend.address).collect();
        let mut names: HashSet<Box<str>> = of_file.iter().map(|backend| backend.name.clone()).collect();
        let placed: HashMap<&str, _> = self.placed.iter().map(|backend| (&*backend.name, backend)).collect();
        let mut wanted = Vec::new();
        for entry in &self.entries {
            for found in answers(&entry.question).into_iter().flat_map(|answer| &answer.found) {
                let backend = described(entry, found);
                let is_new = addresses.insert(backend.address) && names.insert(backend.name.clone());
                if !is_new || of_file.len() + wanted.len() >= MOST {
                    continue;
                }
                wanted.push(match placed.get(&*backend.name) {
                    Some(before) if is_same(before, &backend) => Arc::clone(before),
                    before => {
                        let departed = || self.departed.get(&backend.name).and_then(Weak::upgrade);
                        let stats = before.map(|before| Arc::clone(&before.stats)).or_else(departed);
                        Arc::new(Backend { stats: stats.unwrap_or_default(), ..backend })
                    }
                });
            }
        }
        wanted.sort_by_key(|backend| backend.address);
        wanted
    }
}

/// A backend of an entry, without a past.
fn described(entry: &DiscoveredConfig, found: &Found) -> Backend {
    Backend {
        name: format!("{}/{}", entry.name, found.address).into(),
        address: found.address,
        weight: (entry.weight * WEIGHT_UNIT / 1_000 * found.share).max(1),
        zone: entry.zone.as_str().into(),
        labels: entry.labels.clone().into(),
        backup: entry.backup || found.backup,
        draining: entry.draining,
        source: Source::Dns { entry: entry.name.as_str().into() },
        stats: Arc::default(),
    }
}

/// Whether two backends of one name differ in nothing but their past.
fn is_same(one: &Backend, other: &Backend) -> bool {
    one.address == other.address
        && one.weight == other.weight
        && one.zone == other.zone
        && one.labels == other.labels
        && one.backup == other.backup
        && one.draining == other.draining
        && one.source == other.source
}

/// Puts `wanted` in the place of the members that DNS has named. Who stays keeps how it stands.
fn replace(members: &mut Vec<Member>, wanted: &[Arc<Backend>], health: &HealthSettings) {
    let (of_file, there): (Vec<_>, Vec<_>) =
        members.drain(..).partition(|member| member.backend.source == Source::File);
    let there: HashMap<Box<str>, Member> =
        there.into_iter().map(|member| (member.backend.name.clone(), member)).collect();
    members.extend(of_file);
    members.extend(wanted.iter().map(|backend| match there.get(&backend.name) {
        Some(member) => {
            let is_whole = member.weight == member.backend.weight;
            let weight = if is_whole { backend.weight } else { member.weight.min(backend.weight) };
            Member { backend: Arc::clone(backend), weight, ..member.clone() }
        }
        None => health.newcomer(Arc::clone(backend)),
    }));
}

#[cfg(test)]
mod tests;
