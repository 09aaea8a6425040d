//! Why a request went where it went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request went where it went. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplanationReply {
    /// The request's id.
    pub request_id: String,
    /// When the first byte of its head came, ms since 1970.
    pub time_ms: Option<u64>,
    /// The client's address.
    pub client: String,
    /// The route that it took; `null` if none matched.
    pub route: Option<RouteExplanation>,
    /// The pool; `null` if there was no route.
    pub pool: Option<String>,
    /// How it waited for a backend with room; `null` if it didn't.
    pub queue: Option<QueueExplanation>,
    /// Every time that a backend was looked for, in order. At most 16.
    pub picks: Vec<PickExplanation>,
    /// How many picks between the first and the second of these aren't listed.
    pub picks_left_out: u64,
    /// Every time that it was sent to a backend, in order.
    pub attempts: Vec<AttemptExplanation>,
    /// The status that the client got; `null` if it got none.
    pub status: Option<u16>,
    /// Why the proxy answered in place of a backend, or broke the response off: the label of `x-pointsman-error`.
    pub error: Option<String>,
    /// The limit that the request was over; `null` if that isn't why.
    pub limit: Option<String>,
    /// From the first byte of its head to the end of the response.
    pub total_us: u64,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteExplanation {
    /// Its place in the configuration, from 0.
    pub index: u64,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// What it matches: host and path, and what else it demands.
    pub rule: String,
}

/// A wait in the queue of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueExplanation {
    /// How many were before it.
    pub place: u64,
    /// How long it waited.
    pub waited_us: u64,
}

/// One search for a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PickExplanation {
    /// For which attempt: 0 for the first one, 1 for the first retry and so on.
    pub attempt: u32,
    /// The configuration that served.
    pub configuration_generation: u64,
    /// Counts the changes of the pool's backends, of their health and weights.
    pub topology: u64,
    /// Whether so few backends were healthy that their health was ignored.
    pub panicking: bool,
    /// The policy that was asked; `null` if none was.
    pub policy: Option<String>,
    /// Its version, the first 12 digits of the plugin's SHA-256.
    pub version: Option<String>,
    /// What it answered: `backend`, `abstained`, `rejected`, `failed`, `bad-verdict`, or `not-asked`.
    pub answer: String,
    /// More about that: the backend's name, the status, the kind of fault, what is wrong with the verdict, or why it wasn't asked.
    pub detail: Option<String>,
    /// What came of it; `null` if no backend was chosen.
    pub chosen: Option<ChosenExplanation>,
    /// The backends that there were: the first 64, with the one that was chosen.
    pub candidates: Vec<CandidateExplanation>,
    /// How many there were.
    pub candidates_total: u64,
    /// What the policy was told beside the numbers of backends, in the order in which it asked. At most 64.
    pub given: Vec<FactExplanation>,
    /// Whether it was told more than is listed.
    pub given_is_cut: bool,
}

/// The backend that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChosenExplanation {
    /// Its name.
    pub backend: String,
    /// Who chose it: `policy`, `abstention` (the fallback, as the policy had no opinion) or `fallback`.
    pub by: String,
    /// Whether it had room for the request. If not, another one was looked for.
    pub had_room: bool,
}

/// A backend that could have been chosen, or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CandidateExplanation {
    /// Its name.
    pub name: String,
    /// Whether it could get requests.
    pub eligible: bool,
    /// Whether its checks succeeded and it wasn't ejected.
    pub healthy: bool,
    /// Whether it got nothing new.
    pub draining: bool,
    /// Whether it serves only if no other can.
    pub backup: bool,
    /// Whether it was ruled out for this request, which it had been tried for or found full.
    pub tried: bool,
    /// Its share in relation to the others, as a multiple of 1.
    pub weight: f64,
    /// The numbers of it that the policy was told, by their names in the policy contract; of those that it asked for twice, the last. As
    /// decimal digits: some readers of JSON know no numbers of 64 bits.
    pub numbers: BTreeMap<String, String>,
}

/// Something that a policy was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactExplanation {
    /// What it asked for. Texts of the client are named here, but not kept.
    pub what: String,
    /// The number that it got, as decimal digits; `null` if it got a text.
    pub value: Option<String>,
}

/// One attempt: the request at one backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptExplanation {
    /// The backend's name.
    pub backend: String,
    /// Its address.
    pub address: String,
    /// Who chose it.
    pub chosen_by: String,
    /// From the first byte of the request's head to the claim of the backend. All else counts from that.
    pub began_us: u64,
    /// The time to an open connection; `null` if one was there, or none came about.
    pub connect_us: Option<u64>,
    /// Whether its connection had served others.
    pub reused: bool,
    /// The status of its response; `null` if none came.
    pub status: Option<u16>,
    /// The time to the head of its response.
    pub head_us: Option<u64>,
    /// The time to its end.
    pub total_us: u64,
    /// How it ended, as the policy observes it: `complete`, `client-abort`, `reset`, `timeout` or `connect-failure`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What followed, and why: `answered`, `repeated`, `attempts-used-up`, `not-safe-to-repeat`, `not-kept` (head or body), `retry-after`
    /// (the backend wants a longer pause), `no-time-left`, `no-other-backend`, `retry-budget` or `none-returned`.
    pub next: String,
}
