//! Why a request went where it went.

use super::client::Call;
use super::failure::Failure;
use super::format::{moment, seconds, weight};
use super::names::path;
use super::output::{Styled, Tone};
use super::session::Session;
use super::table::{Align, Table};
use crate::admin::model::{AttemptExplanation, CandidateExplanation, ExplanationReply, PickExplanation};

pub(super) fn explain(session: &Session, id: &str) -> Result<(), Failure> {
    let answer = session.call(Call::get(path(&["explanations", id])))?;
    session.show(&answer, |explanation: ExplanationReply| show(session, &explanation))
}

fn show(session: &Session, explanation: &ExplanationReply) -> Result<(), Failure> {
    let say = |name: &str, text: String| session.output.line(&format!("{name:<9}{text}").into());
    let when = explanation.time_ms.map_or_else(String::new, |ms| format!(", {} UTC", moment(ms)));
    say("request", format!("{} from {}{when}", explanation.request_id, explanation.client))?;
    match &explanation.route {
        Some(route) => {
            let name = route.name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
            say("route", format!("{}{name} ({})", route.index, route.rule))?;
        }
        None => say("route", "none matches".to_owned())?,
    }
    if let Some(pool) = &explanation.pool {
        say("pool", pool.clone())?;
    }
    if let Some(queue) = &explanation.queue {
        say("queue", format!("waited {} behind {}", micros(queue.waited_us), queue.place))?;
    }
    if let Some(limit) = &explanation.limit {
        say("limit", limit.clone())?;
    }
    say("answer", ending(explanation))?;
    for (place, pick) in explanation.picks.iter().enumerate() {
        if place == 1 && explanation.picks_left_out > 0 {
            session.output.line(&format!("\n{} more picks", explanation.picks_left_out).into())?;
        }
        show_pick(session, pick)?;
    }
    if explanation.attempts.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("ATTEMPT", Align::Right),
        ("BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("CONNECT", Align::Right),
        ("HEAD", Align::Right),
        ("END", Align::Right),
        ("STATUS", Align::Left),
        ("THEN", Align::Left),
    ]);
    for (place, attempt) in explanation.attempts.iter().enumerate() {
        table.row(attempt_row(place, attempt));
    }
    session.output.raw(format_args!("\n{}", table.show(session.output)))
}

fn ending(explanation: &ExplanationReply) -> String {
    let status = explanation.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let error = explanation.error.as_ref().map_or_else(String::new, |error| format!(" ({error})"));
    let is_of_route = explanation.route.is_some() && explanation.pool.is_none() && error.is_empty();
    let by = if is_of_route { " by the route itself" } else { "" };
    format!("{status}{error}{by} after {}", micros(explanation.total_us))
}

fn show_pick(session: &Session, pick: &PickExplanation) -> Result<(), Failure> {
    session.output.line(&"".into())?;
    session.output.line(&verdict(pick))?;
    if pick.panicking {
        let text = "  so few backends are healthy that health is ignored";
        session.output.line(&Styled::new(text, Tone::Bad))?;
    }
    let mut table = Table::new(&[
        ("", Align::Left),
        ("BACKEND", Align::Left),
        ("WEIGHT", Align::Right),
        ("STATE", Align::Left),
        ("WHAT THE POLICY WAS TOLD", Align::Left),
    ]);
    let chosen = pick.chosen.as_ref().map(|chosen| &chosen.backend);
    for candidate in &pick.candidates {
        let mark = if chosen == Some(&candidate.name) { "*" } else { "" };
        let numbers: Vec<String> =
            candidate.numbers.iter().map(|(name, value)| format!("{name} {value}")).collect();
        table.row([
            mark.into(),
            (&candidate.name).into(),
            weight(candidate.weight).into(),
            state(candidate),
            numbers.join(", ").into(),
        ]);
    }
    session.output.raw(table.show(session.output))?;
    let listed = pick.candidates.len() as u64;
    if pick.candidates_total > listed {
        let more = pick.candidates_total - listed;
        session.output.line(&format!("  and {more} more backends").into())?;
    }
    for fact in &pick.given {
        let value = fact.value.as_ref().map_or_else(String::new, |value| format!(": {value}"));
        session.output.line(&format!("  asked for {}{value}", fact.what).into())?;
    }
    if pick.given_is_cut {
        session.output.line(&"  and for more".into())?;
    }
    Ok(())
}

/// Who was asked, what it said, and what came of that.
fn verdict(pick: &PickExplanation) -> Styled {
    let policy = match (&pick.policy, &pick.version) {
        (Some(policy), Some(version)) => format!("{policy}@{version}"),
        _ => "the policy".to_owned(),
    };
    let detail = pick.detail.as_deref().unwrap_or_default();
    let said = match &*pick.answer {
        "backend" => format!("{policy} picked {detail}"),
        "abstained" => format!("{policy} had no opinion"),
        "rejected" => format!("{policy} rejected the request with {detail}"),
        "failed" => format!("{policy} failed ({detail})"),
        "bad-verdict" => format!("{policy} {detail}"),
        _ => format!("{policy} wasn't asked ({detail})"),
    };
    let attempt = pick.attempt + 1;
    match &pick.chosen {
        Some(chosen) if chosen.had_room => {
            let tone = if chosen.by == "fallback" { Tone::Notice } else { Tone::Good };
            Styled::new(
                format_args!("attempt {attempt}: {said}; {} serves, by {}", chosen.backend, chosen.by),
                tone,
            )
        }
        Some(chosen) => {
            Styled::new(format_args!("attempt {attempt}: {said}; {} is full", chosen.backend), Tone::Notice)
        }
        None => Styled::new(format_args!("attempt {attempt}: {said}; nobody serves"), Tone::Bad),
    }
}

fn state(candidate: &CandidateExplanation) -> Styled {
    let words = [
        (candidate.tried, "tried"),
        (candidate.draining, "draining"),
        (!candidate.healthy, "unhealthy"),
        (candidate.backup, "backup"),
        (!candidate.eligible, "not eligible"),
    ];
    let said: Vec<&str> = words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    let tone = if candidate.eligible && !candidate.tried { Tone::Plain } else { Tone::Notice };
    Styled::new(if said.is_empty() { "ready".to_owned() } else { said.join(", ") }, tone)
}

fn attempt_row(place: usize, attempt: &AttemptExplanation) -> [Styled; 8] {
    let took = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), micros);
    let status = attempt.status.map(|status| status.to_string());
    let ended = attempt.error.clone().or(status).unwrap_or_else(|| attempt.outcome.clone());
    let tone = if attempt.error.is_some() { Tone::Bad } else { Tone::Plain };
    [
        (place + 1).to_string().into(),
        (&attempt.backend).into(),
        (&attempt.address).into(),
        if attempt.reused { "reused".into() } else { took(attempt.connect_us).into() },
        took(attempt.head_us).into(),
        micros(attempt.total_us).into(),
        Styled::new(ended, tone),
        (&attempt.next).into(),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn micros(us: u64) -> String {
    seconds(us as f64 / 1e6)
}
