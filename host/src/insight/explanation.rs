//! Why a request went where it went, as it is kept after its end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use pointsman_core::backend::{Backend, BackendIndex, ConfigurationGeneration, TopologyGeneration};
use pointsman_core::clock::Moment;
use pointsman_core::picks::{Chosen, GivenFact, PickAnswer, PickRecord, PickRecords};
use pointsman_core::record::{AttemptRecord, ChosenBy, Connection, PolicyLabel, RequestRecord};

/// Candidates that are listed of a pick.
const MOST_CANDIDATES: usize = 64;

/// Why a request went where it went.
#[derive(Debug)]
pub struct Explanation {
    /// The request's id.
    pub id: HeaderValue,
    /// The client.
    pub client: IpAddr,
    /// When the first byte of its head came.
    pub began: Option<Moment>,
    /// The route and what it matches; `None` if none matched.
    pub route: Option<ExplainedRoute>,
    /// The name of its pool.
    pub pool: Option<Box<str>>,
    /// How it waited; `None` if it didn't.
    pub queue: Option<ExplainedQueue>,
    /// The picks, in their order.
    pub picks: Vec<ExplainedPick>,
    /// How many picks between the first and the second of these aren't listed.
    pub picks_left_out: u64,
    /// The attempts, in their order.
    pub attempts: Vec<ExplainedAttempt>,
    /// Its end.
    pub end: ExplainedEnd,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedEnd {
    /// The status that the client got; `None` if it got none.
    pub status: Option<u16>,
    /// Why the proxy answered in place of a backend, or broke the response off.
    pub error: Option<&'static str>,
    /// The name of the limit that it was over; `None` if that isn't why.
    pub limit: Option<Arc<str>>,
    /// From the first byte to the end.
    pub total: Duration,
}

/// What is known of a request on its way, beside its record and its picks.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its id.
    pub(super) id: HeaderValue,
    /// The client.
    pub(super) client: IpAddr,
    /// The route that it took.
    pub(super) route: Option<ExplainedRoute>,
    /// The limit that let it go no further.
    pub(super) limit: Option<Arc<str>>,
    /// What followed each attempt; the last one's is the one in force.
    pub(super) nexts: Vec<Next>,
}

/// The route that a request took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRoute {
    /// Its place in the configuration.
    pub index: usize,
    /// What it is called, if it has a name.
    pub name: Option<Arc<str>>,
    /// What it matches.
    pub rule: String,
}

/// How a request waited in its pool's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplainedQueue {
    /// How many were before it.
    pub place: u64,
    /// How long it took.
    pub waited: Duration,
}

/// One pick.
#[derive(Debug)]
pub struct ExplainedPick {
    /// 0 for the first attempt, 1 for the first retry and so on.
    pub attempt: u32,
    /// What there was to choose from.
    pub from: PickedFrom,
    /// The version of the policy that was asked.
    pub policy: Option<Arc<PolicyLabel>>,
    /// What it answered.
    pub answer: PickAnswer,
    /// The backend that it named, if it named one.
    pub named: Option<Arc<Backend>>,
    /// What came of it: the backend, who chose it, and whether it had room.
    pub chosen: Option<(Arc<Backend>, ChosenBy, bool)>,
    /// What else the policy was told.
    pub facts: Vec<GivenFact>,
    /// Whether the policy was told more than is kept.
    pub is_cut: bool,
}

/// What a pick had to choose from.
#[derive(Debug)]
pub struct PickedFrom {
    /// The configuration that the worker served with.
    pub configuration: ConfigurationGeneration,
    /// The topology.
    pub topology: TopologyGeneration,
    /// Whether the pool panicked.
    pub panicking: bool,
    /// The backends: the first of them, and the one that was chosen.
    pub candidates: Vec<Candidate>,
    /// How many there were.
    pub total: usize,
}

/// A backend that could have been picked, or not.
#[derive(Debug)]
pub struct Candidate {
    /// The backend.
    pub backend: Arc<Backend>,
    /// In the bits of [`flag`](pointsman_sdk::abi::flag).
    pub flags: u32,
    /// Its weight at the moment, in thousandths.
    pub weight: u32,
    /// Whether it was ruled out for this request.
    pub tried: bool,
    /// The numbers of it that the policy was told, in the order in which it asked; of those that it asked for twice, the last ones.
    pub numbers: Vec<(&'static str, i64)>,
}

/// One attempt.
#[derive(Debug)]
pub struct ExplainedAttempt {
    /// The backend.
    pub backend: Arc<Backend>,
    /// Who chose it.
    pub chosen_by: ChosenBy,
    /// From the request's first byte to its claim.
    pub began: Duration,
    /// Its connection.
    pub connection: Connection,
    /// The status of its response, and the time from the claim to its head.
    pub answered: Option<(u16, Duration)>,
    /// From the claim to its end.
    pub total: Duration,
    /// One of [`outcome`](pointsman_sdk::abi::outcome).
    pub outcome: i32,
    /// Why it failed.
    pub error: Option<&'static str>,
    /// What followed, and why.
    pub next: Next,
}

/// What followed an attempt, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Next {
    /// Its response went to the client, or the client has left.
    #[default]
    Answered,
    /// Another attempt.
    Repeated,
    /// The configuration allows no more.
    AttemptsUsedUp,
    /// The backend may have acted on the request, which can't be undone by a second one.
    NotSafe,
    /// The request's head or body wasn't kept, as it may not be sent twice or is too long.
    NotKept,
    /// The backend asks for a longer wait than that for another attempt.
    RetryAfter,
    /// The time of the whole request is over.
    NoTime,
    /// There is no other backend, or none with room.
    NoOther,
    /// The pool's budget for retries is used up.
    Budget,
    /// No backend returned in time.
    NoneReturned,
}

impl Next {
    /// Its name in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Repeated => "repeated",
            Self::AttemptsUsedUp => "attempts-used-up",
            Self::NotSafe => "not-safe-to-repeat",
            Self::NotKept => "not-kept",
            Self::RetryAfter => "retry-after",
            Self::NoTime => "no-time-left",
            Self::NoOther => "no-other-backend",
            Self::Budget => "retry-budget",
            Self::NoneReturned => "none-returned",
        }
    }
}

impl Explanation {
    /// Of a request that has ended.
    #[must_use]
    pub(super) fn of(asked: Asked, record: &RequestRecord, picks: Option<Box<PickRecords>>) -> Self {
        let picks = picks.unwrap_or_default();
        let place = picks.queue_place.zip(record.times.queued);
        let began = record.times.first_byte;
        let nexts = asked.nexts.iter().copied().chain(std::iter::repeat(Next::default()));
        Self {
            id: asked.id,
            client: asked.client,
            began,
            route: asked.route,
            pool: record.pool.as_ref().map(|pool| pool.shared().name.clone()),
            queue: place.map(|(place, waited)| ExplainedQueue { place, waited }),
            picks: picks.iter().map(ExplainedPick::of).collect(),
            picks_left_out: picks.left_out(),
            attempts: record
                .attempts()
                .zip(nexts)
                .map(|(attempt, next)| attempted(attempt, began, next))
                .collect(),
            end: ExplainedEnd {
                status: record.status.map(|status| status.as_u16()),
                error: record.error,
                limit: asked.limit,
                total: record.whole(),
            },
        }
    }
}

impl ExplainedPick {
    fn of(pick: &PickRecord) -> Self {
        let topology = &pick.topology;
        let backend = |index: BackendIndex| topology.get(index).cloned();
        let named = match pick.answer {
            PickAnswer::Backend(index) => Some(index),
            _ => None,
        };
        let chosen =
            pick.chosen.and_then(|Chosen { index, by, had_room }| Some((backend(index)?, by, had_room)));
        Self {
            attempt: pick.attempt,
            from: PickedFrom {
                configuration: pick.configuration,
                topology: topology.generation(),
                panicking: topology.panics(),
                candidates: candidates(pick, named),
                total: topology.backends().len(),
            },
            policy: pick.policy.clone(),
            answer: pick.answer.clone(),
            named: named.and_then(backend),
            chosen,
            facts: pick.given.facts().to_vec(),
            is_cut: pick.given.is_cut(),
        }
    }
}

/// The first backends of a pick's topology, with the one that was chosen and the one that the policy named among them.
fn candidates(pick: &PickRecord, named: Option<BackendIndex>) -> Vec<Candidate> {
    let topology = &pick.topology;
    let mut places: Vec<usize> = (0..topology.backends().len().min(MOST_CANDIDATES)).collect();
    let wanted = [named, pick.chosen.map(|chosen| chosen.index)];
    for (wanted, last) in wanted.into_iter().flatten().zip((0..places.len()).rev()) {
        if wanted.get() < topology.backends().len() && !places.contains(&wanted.get()) {
            places[last] = wanted.get();
        }
    }
    let mut numbers: HashMap<usize, Vec<(&'static str, i64)>> = HashMap::new();
    for number in pick.given.numbers() {
        let of_backend = numbers.entry(number.index as usize).or_default();
        match of_backend.iter_mut().find(|(name, _)| *name == number.name) {
            Some((_, value)) => *value = number.value,
            None => of_backend.push((number.name, number.value)),
        }
    }
    let candidate = |place: usize| {
        Some(Candidate {
            backend: Arc::clone(topology.backends().get(place)?),
            flags: topology.flags().get(place).copied()?,
            weight: topology.weights().get(place).copied()?,
            tried: pick.tried.iter().any(|index| index.get() == place),
            numbers: numbers.remove(&place).unwrap_or_default(),
        })
    };
    places.into_iter().filter_map(candidate).collect()
}

fn attempted(attempt: &AttemptRecord, began: Option<Moment>, next: Next) -> ExplainedAttempt {
    ExplainedAttempt {
        backend: Arc::clone(attempt.backend.shared()),
        chosen_by: attempt.choice.by,
        began: began.map_or(Duration::ZERO, |began| attempt.began.since(began)),
        connection: attempt.connection,
        answered: attempt.answered.map(|(status, head)| (status.as_u16(), head)),
        total: attempt.total,
        outcome: attempt.outcome,
        error: attempt.error,
        next,
    }
}
