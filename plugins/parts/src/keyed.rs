//! What policies have in common that keep requests with the same key together.

use pointsman_sdk::{Backends, Error, Flags, HashKey, Request, Stat};
use serde::Deserialize;

use crate::hash::hash;

/// `policy.config` of a policy that maps keys to backends.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyedConfig {
    key: String,
    balance: u32,
    min_slots: u32,
}

impl Default for KeyedConfig {
    fn default() -> Self {
        Self { key: "client".to_owned(), balance: 150, min_slots: 2 }
    }
}

/// What of a request decides, and how far a backend may be above its share of the load.
#[derive(Debug)]
pub struct Keyed {
    key: Key,
    /// Percent of the fair share; 0 = no bound.
    balance: u64,
    min_slots: u64,
    flags: Vec<Flags>,
    weights: Vec<u32>,
    /// Sum of the eligible backends' configured weights.
    eligible_weight: u64,
    /// Kept only for its storage.
    loads: Vec<u64>,
}

#[derive(Debug)]
enum Key {
    Client,
    Path,
    Header(String),
    Cookie(String),
    Query(String),
}

impl Keyed {
    /// Checks a configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(config: KeyedConfig) -> Result<Self, Error> {
        if config.balance != 0 && !(101..=1_000).contains(&config.balance) {
            return Err(
                "policy.config.balance: must be 101 to 1000 percent of the fair share, or 0 for no bound"
                    .into(),
            );
        }
        if !(1..=1_000_000).contains(&config.min_slots) {
            return Err("policy.config.min_slots: must be 1 to 1000000".into());
        }
        Ok(Self {
            key: Key::parse(&config.key)?,
            balance: config.balance.into(),
            min_slots: config.min_slots.into(),
            flags: Vec::new(),
            weights: Vec::new(),
            eligible_weight: 0,
            loads: Vec::new(),
        })
    }

    /// Takes the eligibility and the weights of the backends in.
    pub fn topology(&mut self, backends: &Backends) {
        backends.flags_column(&mut self.flags);
        self.weights.clear();
        self.weights.extend(backends.indexes().map(|index| backends.configured_weight(index)));
        let eligible = self.flags.iter().zip(&self.weights).filter(|(flags, _)| flags.eligible());
        self.eligible_weight = eligible.map(|(_, weight)| u64::from(*weight)).sum();
    }

    /// The hash of the request's key, if it has one.
    #[must_use]
    pub fn hash(&self, request: &Request) -> Option<u64> {
        let key = match &self.key {
            Key::Client => HashKey::ClientIp,
            Key::Path => HashKey::Path,
            Key::Header(name) => HashKey::Header(name),
            Key::Cookie(name) => HashKey::Cookie(name),
            Key::Query(name) => HashKey::Query(name),
        };
        request.hash(key).map(std::num::NonZeroU64::get)
    }

    /// The first backend of a sequence that the request may use and that has a free slot; if none has, the first that it may use.
    ///
    /// A backend has max(`min_slots`, ⌈balance · (m + 1) · w / W⌉) slots: m requests are in flight at the eligible backends, which
    /// weigh W. It has a free one while fewer are in flight at it, as in HAProxy (Envoy allows one more). The least number keeps the
    /// affinity of pools with fewer requests in flight than backends, whose share would be one request.
    #[must_use]
    pub fn first_of(
        &mut self,
        sequence: impl Iterator<Item = usize>,
        request: &Request,
        backends: &Backends,
    ) -> Option<usize> {
        let (mut usable, mut slots) = (None, Slots::default());
        let mut last = usize::MAX;
        for index in sequence {
            // Sequences repeat themselves.
            if index == last || !self.flags.get(index).is_some_and(|flags| flags.eligible()) {
                continue;
            }
            last = index;
            if request.tried(index) {
                continue;
            }
            if self.balance == 0 || self.has_slot(index, &mut slots, backends) {
                return Some(index);
            }
            usable.get_or_insert(index);
        }
        usable
    }

    fn has_slot(&mut self, index: usize, slots: &mut Slots, backends: &Backends) -> bool {
        let load = backends.stat(Stat::InFlight, index);
        // Most are idle enough for there to be nothing to add up.
        if load < self.min_slots {
            return true;
        }
        let total = *slots.total.get_or_insert_with(|| {
            backends.stats(Stat::InFlight, &mut self.loads);
            let eligible = self.loads.iter().zip(&self.flags).filter(|(_, flags)| flags.eligible());
            eligible.map(|(load, _)| *load).fold(0, u64::saturating_add).min(1 << 32)
        });
        // load < ⌈allowed / weight⌉ without the division: load · weight < allowed.
        let allowed = u128::from(self.balance * (total + 1)) * u128::from(self.weights[index]);
        u128::from(load) * u128::from(100 * self.eligible_weight) < allowed
    }
}

/// What a pick adds up once at most.
#[derive(Default)]
struct Slots {
    total: Option<u64>,
}

/// Makes a key of a name.
type KeyOf = fn(String) -> Key;

impl Key {
    fn parse(text: &str) -> Result<Self, Error> {
        let named: [(&str, KeyOf); 3] =
            [("header:", Self::Header), ("cookie:", Self::Cookie), ("query:", Self::Query)];
        let mut of = named.into_iter().filter_map(|(kind, key)| {
            let name = text.strip_prefix(kind)?;
            (!name.is_empty()).then(|| key(name.to_owned()))
        });
        match text {
            "client" => Ok(Self::Client),
            "path" => Ok(Self::Path),
            _ => of.next().ok_or_else(|| {
                Error::from(
                    "policy.config.key: must be \"client\", \"path\", \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"",
                )
            }),
        }
    }
}

/// A backend as tables are made of it: nothing of it changes but by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Hash of its name.
    pub key: u64,
    /// Configured weight, in thousandths.
    pub weight: u32,
    /// Its index in the topology that it was read from.
    pub index: u32,
}

/// All backends with a weight, eligible or not, in the order of their names' hashes: the same in all proxies, whatever the order of
/// their configurations.
#[must_use]
pub fn members(backends: &Backends) -> Vec<Member> {
    let mut members = Vec::new();
    for index in backends.indexes() {
        let weight = backends.configured_weight(index);
        if weight > 0 {
            members.push(Member { key: hash(&backends.name(index)), weight, index: index as u32 });
        }
    }
    sort(&mut members);
    members
}

/// By insertion over shrinking gaps (Shell 1959): a twentieth of the code of the standard library's, and fast enough for what the
/// operator changes.
fn sort(members: &mut [Member]) {
    let mut gap = members.len();
    while gap > 1 {
        gap = (gap * 5 / 11).max(1);
        for place in gap..members.len() {
            let mut place = place;
            while place >= gap && members[place - gap] > members[place] {
                members.swap(place - gap, place);
                place -= gap;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    #[test]
    fn members_are_sorted() {
        for count in [0, 1, 2, 3, 5, 100, 10_000] {
            let member = |index: u32| Member { key: mix(index.into()) >> 50, weight: 1, index };
            let mut members: Vec<Member> = (0..count).map(member).collect();
            let mut expected = members.clone();
            expected.sort_unstable();
            sort(&mut members);
            assert_eq!(members, expected);
        }
    }
}
