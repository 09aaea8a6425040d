//! What is kept of the picks of a request that is to be explained: what the policy was told, what it answered, and what came of that.
//!
//! Nothing here is made for other requests.

use std::collections::VecDeque;
use std::sync::Arc;

use http::StatusCode;

use crate::backend::{BackendIndex, ConfigurationGeneration};
use crate::record::{ChosenBy, PolicyLabel};
use crate::topology::Topology;

/// Picks that are kept of one request. One that waits in a queue may have many.
const MOST_PICKS: usize = 16;

/// Numbers that are kept of one pick: sixteen of each of a thousand backends.
const MOST_NUMBERS: usize = 16 << 10;

/// Other facts that are kept of one pick.
const MOST_FACTS: usize = 64;

/// The picks of one request, in their order.
#[derive(Debug, Clone, Default)]
pub struct PickRecords {
    picks: VecDeque<PickRecord>,
    left_out: u64,
    /// How many requests waited before it when it joined the pool's queue; `None` if it never did.
    pub queue_place: Option<u64>,
}

/// One pick.
#[derive(Debug, Clone)]
pub struct PickRecord {
    /// 0 for the first attempt of the request, 1 for its first retry and so on.
    pub attempt: u32,
    /// The configuration that the worker served with.
    pub configuration: ConfigurationGeneration,
    /// What there was to choose from.
    pub topology: Arc<Topology>,
    /// What of that was ruled out for the request.
    pub tried: Vec<BackendIndex>,
    /// The version of the policy that was asked; `None` if none was.
    pub policy: Option<Arc<PolicyLabel>>,
    /// What the policy was told.
    pub given: Given,
    /// What it answered.
    pub answer: PickAnswer,
    /// What came of it; `None` if nobody was chosen.
    pub chosen: Option<Chosen>,
}

/// What a policy answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PickAnswer {
    /// This backend.
    Backend(BackendIndex),
    /// It had no opinion.
    Abstained,
    /// The request is refused with this status.
    Rejected(StatusCode),
    /// Nothing: the call failed. The label of the kind of fault.
    Failed(&'static str),
    /// What can't be followed, and why.
    BadVerdict(String),
    /// Nothing: it wasn't asked.
    NotAsked(NotAsked),
}

/// Why a policy wasn't asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    /// It has no instance on this worker: the last one failed, and another one is being built, or its circuit is open.
    NoInstance,
    /// No backend is eligible, or the request has tried them all.
    NoCandidate,
    /// Those that it picked were full, so that any backend with room serves.
    Full,
    /// The client's connection is bound to a connection of this backend.
    Pinned,
    /// The client's session is bound to this backend.
    Session,
    /// The request began with a pool of an earlier configuration, which the policy doesn't know any more.
    EarlierPool,
}

impl NotAsked {
    /// Its name in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoInstance => "no-instance",
            Self::NoCandidate => "no-candidate",
            Self::Full => "full",
            Self::Pinned => "pinned",
            Self::Session => "session",
            Self::EarlierPool => "earlier-pool",
        }
    }
}

/// The backend that a pick came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Which one.
    pub index: BackendIndex,
    /// Who chose it.
    pub by: ChosenBy,
    /// Whether it had room for the request.
    pub had_room: bool,
}

/// What a policy was told during one pick: what the functions that it called have answered, not a second reading of it.
#[derive(Debug, Clone, Default)]
pub struct Given {
    numbers: Vec<GivenNumber>,
    facts: Vec<GivenFact>,
    is_cut: bool,
}

/// A number of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenNumber {
    /// Which number, as the policy contract names it.
    pub name: &'static str,
    /// Of which backend.
    pub index: u32,
    /// The number, with the bits that the policy got.
    pub value: i64,
}

/// Something that is no number of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFact {
    /// What was asked for. Texts of the client are named and not kept, as they may be secrets.
    pub what: String,
    /// The number that was answered; `None` if it was a text.
    pub value: Option<i64>,
}

impl PickRecords {
    /// Keeps one more pick. Of too many, the first one and the last ones stay.
    pub fn add(&mut self, pick: PickRecord) {
        if self.picks.len() >= MOST_PICKS {
            self.picks.remove(1);
            self.left_out += 1;
        }
        self.picks.push_back(pick);
    }

    /// The last pick came to this backend.
    pub fn choose(&mut self, chosen: Chosen) {
        if let Some(last) = self.picks.back_mut() {
            last.chosen = Some(chosen);
        }
    }

    /// The picks that were kept.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &PickRecord> {
        self.picks.iter()
    }

    /// How many weren't.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Given {
    /// The policy was told this number of a backend.
    pub fn number(&mut self, name: &'static str, index: u32, value: i64) {
        if self.numbers.len() < MOST_NUMBERS {
            self.numbers.push(GivenNumber { name, index, value });
        } else {
            self.is_cut = true;
        }
    }

    /// The policy was told this number of every backend.
    pub fn column(&mut self, name: &'static str, values: impl Iterator<Item = i64>) {
        for (index, value) in (0..).zip(values) {
            self.number(name, index, value);
        }
    }

    /// The policy was told something else; `what` describes it.
    pub fn fact(&mut self, what: impl Into<String>, value: Option<i64>) {
        if self.facts.len() < MOST_FACTS {
            self.facts.push(GivenFact { what: what.into(), value });
        } else {
            self.is_cut = true;
        }
    }

    /// The numbers of backends, in the order in which they were asked for.
    #[must_use]
    pub fn numbers(&self) -> &[GivenNumber] {
        &self.numbers
    }

    /// All else, in that order.
    #[must_use]
    pub fn facts(&self) -> &[GivenFact] {
        &self.facts
    }

    /// Whether there was more than is kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::TopologyGeneration;

    fn pick(attempt: u32) -> PickRecord {
        PickRecord {
            attempt,
            configuration: ConfigurationGeneration::default(),
            topology: Arc::new(Topology::new(TopologyGeneration(1), Vec::new())),
            tried: Vec::new(),
            policy: None,
            given: Given::default(),
            answer: PickAnswer::Abstained,
            chosen: None,
        }
    }

    #[test]
    fn the_first_and_the_last_of_many_picks_are_kept() {
        let mut picks = PickRecords::default();
        for attempt in 0..40 {
            picks.add(pick(attempt));
        }
        let kept: Vec<u32> = picks.iter().map(|pick| pick.attempt).collect();
        assert_eq!((kept.len(), kept[0], kept[1], kept[15]), (16, 0, 25, 39));
        assert_eq!(picks.left_out(), 24);
    }

    #[test]
    fn a_policy_that_asks_for_too_much_is_cut_off() {
        let mut given = Given::default();
        given.column("in_flight", 0..20_000);
        assert_eq!(given.numbers().len(), MOST_NUMBERS);
        assert_eq!(given.numbers()[7], GivenNumber { name: "in_flight", index: 7, value: 7 });
        assert!(given.is_cut());
    }
}
