//! Why a request went where it went, as the API says it.

use pointsman_core::clock::{Clock, micros};
use pointsman_core::picks::{GivenFact, PickAnswer};
use pointsman_core::record::Connection;
use pointsman_sdk::abi::{flag, outcome};

use super::wall_clock;
use crate::admin::model::{
    AttemptExplanation, CandidateExplanation, ChosenExplanation, ExplanationReply, FactExplanation,
    PickExplanation, QueueExplanation, RouteExplanation,
};
use crate::insight::explanation::{Candidate, ExplainedAttempt, ExplainedPick, Explanation};

/// One explanation.
pub(in crate::admin) fn explanation(explanation: &Explanation, clock: Clock) -> ExplanationReply {
    ExplanationReply {
        request_id: String::from_utf8_lossy(explanation.id.as_bytes()).into_owned(),
        time_ms: explanation.began.map(|began| wall_clock::ms(began, clock)),
        client: explanation.client.to_string(),
        route: explanation.route.as_ref().map(|route| RouteExplanation {
            index: route.index as u64,
            name: route.name.as_deref().map(str::to_owned),
            rule: route.rule.clone(),
        }),
        pool: explanation.pool.as_deref().map(str::to_owned),
        queue: explanation
            .queue
            .map(|queue| QueueExplanation { place: queue.place, waited_us: micros(queue.waited) }),
        picks: explanation.picks.iter().map(pick).collect(),
        picks_left_out: explanation.picks_left_out,
        attempts: explanation.attempts.iter().map(attempt).collect(),
        status: explanation.end.status,
        error: explanation.end.error.map(str::to_owned),
        limit: explanation.end.limit.as_deref().map(str::to_owned),
        total_us: micros(explanation.end.total),
    }
}

fn pick(pick: &ExplainedPick) -> PickExplanation {
    let (answer, detail) = match &pick.answer {
        PickAnswer::Backend(index) => {
            let name =
                pick.named.as_ref().map_or_else(|| index.0.to_string(), |backend| backend.name.to_string());
            ("backend", Some(name))
        }
        PickAnswer::Abstained => ("abstained", None),
        PickAnswer::Rejected(status) => ("rejected", Some(status.as_u16().to_string())),
        PickAnswer::Failed(kind) => ("failed", Some((*kind).to_owned())),
        PickAnswer::BadVerdict(what) => ("bad-verdict", Some(what.clone())),
        PickAnswer::NotAsked(why) => ("not-asked", Some(why.name().to_owned())),
    };
    PickExplanation {
        attempt: pick.attempt,
        configuration_generation: pick.from.configuration.0,
        topology: pick.from.topology.0,
        panicking: pick.from.panicking,
        policy: pick.policy.as_ref().map(|policy| policy.name.to_string()),
        version: pick.policy.as_ref().map(|policy| policy.version.to_string()),
        answer: answer.to_owned(),
        detail,
        chosen: pick.chosen.as_ref().map(|(backend, by, had_room)| ChosenExplanation {
            backend: backend.name.to_string(),
            by: by.name().to_owned(),
            had_room: *had_room,
        }),
        candidates: pick.from.candidates.iter().map(candidate).collect(),
        candidates_total: pick.from.total as u64,
        given: pick.facts.iter().map(fact).collect(),
        given_is_cut: pick.is_cut,
    }
}

fn candidate(candidate: &Candidate) -> CandidateExplanation {
    let has = |flag| candidate.flags & flag != 0;
    CandidateExplanation {
        name: candidate.backend.name.to_string(),
        eligible: has(flag::ELIGIBLE),
        healthy: has(flag::HEALTHY),
        draining: has(flag::DRAINING),
        backup: has(flag::BACKUP),
        tried: candidate.tried,
        weight: f64::from(candidate.weight) / 1000.0,
        numbers: candidate
            .numbers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect(),
    }
}

fn fact(fact: &GivenFact) -> FactExplanation {
    FactExplanation { what: fact.what.clone(), value: fact.value.map(|value| value.to_string()) }
}

fn attempt(attempt: &ExplainedAttempt) -> AttemptExplanation {
    AttemptExplanation {
        backend: attempt.backend.name.to_string(),
        address: attempt.backend.address.to_string(),
        chosen_by: attempt.chosen_by.name().to_owned(),
        began_us: micros(attempt.began),
        connect_us: match attempt.connection {
            Connection::Opened(took) => Some(micros(took)),
            Connection::None | Connection::Reused => None,
        },
        reused: attempt.connection == Connection::Reused,
        status: attempt.answered.map(|(status, _)| status),
        head_us: attempt.answered.map(|(_, took)| micros(took)),
        total_us: micros(attempt.total),
        outcome: outcome_name(attempt.outcome).to_owned(),
        error: attempt.error.map(str::to_owned),
        next: attempt.next.name().to_owned(),
    }
}

fn outcome_name(outcome: i32) -> &'static str {
    match outcome {
        outcome::COMPLETE => "complete",
        outcome::CLIENT_ABORT => "client-abort",
        outcome::TIMEOUT => "timeout",
        outcome::CONNECT_FAILURE => "connect-failure",
        _ => "reset",
    }
}
