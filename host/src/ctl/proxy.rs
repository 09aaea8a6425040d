//! The proxy as a whole.

use std::process::ExitCode;

use http::Method;
use serde_json::{Value, json};

use super::client::Call;
use super::failure::{Failure, fault};
use super::format::{age, count, moment, percent, seconds};
use super::generic;
use super::names::{path, with_query};
use super::output::{Styled, Tone};
use super::session::Session;
use super::table::{Align, Table};
use super::wellbeing::troubles;
use crate::admin::model::{
    ConfigurationState, OverrideList, OverrideRecord, OverridesCleared, Overview, PhaseState, WorkerList,
};

/// Shows how the proxy is. Its exit code is what a container's health check goes by: a proxy that drains is to get nothing new.
pub(super) fn status(session: &Session) -> Result<ExitCode, Failure> {
    // Without events.
    let since = i64::MAX.to_string();
    let answer = session.call(Call::get(with_query(path(&["overview"]), "since", Some(&since))))?;
    let overview: Overview = super::session::read(&answer)?;
    let code = match overview.phase {
        PhaseState::Serving => ExitCode::SUCCESS,
        PhaseState::Leaving | PhaseState::Draining => ExitCode::FAILURE,
    };
    if session.output.json {
        session.pass_on(&answer)?;
        return Ok(code);
    }
    let (word, tone) = match overview.phase {
        PhaseState::Serving => ("serving", Tone::Good),
        PhaseState::Leaving => ("leaving", Tone::Notice),
        PhaseState::Draining => ("draining", Tone::Notice),
    };
    session.output.line(&Styled::new(summary(&overview, word), tone))?;
    let troubles = troubles(&overview);
    if troubles.is_empty() {
        session.output.line(&Styled::new("all well", Tone::Good))?;
    }
    troubles.iter().try_for_each(|trouble| session.output.line(trouble))?;
    Ok(code)
}

fn summary(overview: &Overview, word: &str) -> String {
    let backends: usize = overview.pools.iter().map(|pool| pool.backends.len()).sum();
    let ready: u64 = overview.pools.iter().map(|pool| pool.eligible).sum();
    let in_flight: u64 = overview.pools.iter().map(|pool| pool.in_flight).sum();
    let mut text = format!(
        "{} {word}: pointsman {}, up {}, configuration {}, {ready} of {backends} backends ready, {} in flight",
        overview.name,
        overview.version,
        age(overview.uptime_ms),
        overview.configuration,
        count(in_flight),
    );
    if let Some(saturation) = overview.saturation {
        text.push_str(&format!(", {} full", percent(saturation)));
    }
    text
}

pub(super) fn reload(session: &Session) -> Result<(), Failure> {
    let answer = session.call(Call::json(Method::POST, path(&["reload"]), &json!({})))?;
    session.show(&answer, |reply: Value| generic::show(session, &reply))?;
    if session.output.json {
        return Ok(());
    }
    let state: ConfigurationState = session.ask(Call::get(path(&["configuration"])))?;
    session.output.line(&format!("configuration {} of {} serves", state.generation, state.file).into())?;
    for pending in &state.awaiting_restart {
        let text = format!(
            "{} waits for a restart: it runs with {}, the file says {}",
            pending.key, pending.runs, pending.configured
        );
        session.output.line(&Styled::new(text, Tone::Notice))?;
    }
    state.refused.iter().try_for_each(|refused| session.output.line(&Styled::new(fault(refused), Tone::Bad)))
}

pub(super) fn workers(session: &Session) -> Result<(), Failure> {
    let answer = session.call(Call::get(path(&["workers"])))?;
    session.show(&answer, |list: WorkerList| {
        let columns = ["WORKER", "CONNECTIONS", "REQUESTS", "CPU TIME", "WAITED FOR CPU", "~LAG P99"];
        let mut table = Table::new(&columns.map(|name| (name, Align::Right)));
        for worker in &list.workers {
            let time = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), seconds).into();
            table.row([
                worker.worker.to_string().into(),
                count(worker.connections).into(),
                count(worker.requests).into(),
                time(worker.cpu_seconds),
                time(worker.waiting_seconds),
                time(worker.lag_p99_seconds),
            ]);
        }
        session.output.raw(table.show(session.output))
    })
}

pub(super) fn overrides(session: &Session, clear: bool) -> Result<(), Failure> {
    let path = path(&["overrides"]);
    match clear {
        false => {
            let answer = session.call(Call::get(path))?;
            session.show(&answer, |list: OverrideList| show_overrides(session, &list))
        }
        true => {
            let answer = session.call(Call::json(Method::DELETE, path, &json!({})))?;
            session
                .show(&answer, |cleared: OverridesCleared| session.output.line(&taken_back(&cleared).into()))
        }
    }
}

/// What is as the file says again.
fn taken_back(cleared: &OverridesCleared) -> String {
    let of = |number: u64, one: &str, several: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    };
    let backends = of(cleared.backends, "backend", "backends");
    let (what, number) = match cleared.policies {
        0 => (backends, cleared.backends),
        policies => {
            let policies = of(policies, "policy", "policies");
            (format!("{backends} and {policies}"), cleared.backends + cleared.policies)
        }
    };
    let verb = if number == 1 { "is" } else { "are" };
    let until = if cleared.survives_restart { "" } else { ", until a restart: state_dir can't be written" };
    format!("{what} {verb} as the file says again{until}")
}

/// Whose value it is.
fn place(record: &OverrideRecord) -> String {
    match (&record.backend, &record.route) {
        (Some(backend), _) => format!("{}/{backend}", record.pool),
        (None, Some(route)) => format!("route {route}"),
        (None, None) => record.pool.clone(),
    }
}

fn show_overrides(session: &Session, list: &OverrideList) -> Result<(), Failure> {
    if list.overrides.is_empty() {
        return session.output.line(&"none: every backend and policy is as the file says".into());
    }
    let columns = ["OF", "KEY", "VALUE", "IN FILE", "SINCE", "BY"];
    let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
    for record in &list.overrides {
        table.row(vec![
            place(record).into(),
            (&record.key).into(),
            generic::plain(&record.value).unwrap_or_default().into(),
            generic::plain(&record.in_file).unwrap_or_default().into(),
            moment(record.since_ms).into(),
            (&record.by).into(),
        ]);
    }
    session.output.raw(table.show(session.output))
}

pub(super) fn log_level(session: &Session, level: Option<&str>) -> Result<(), Failure> {
    let path = path(&["log-level"]);
    match level {
        None => show_any(session, Call::get(path)),
        Some(level) => show_any(session, Call::json(Method::PUT, path, &json!({ "level": level }))),
    }
}

fn show_any(session: &Session, call: Call) -> Result<(), Failure> {
    let answer = session.call(call)?;
    if answer.is_empty() {
        return if session.output.json { Ok(()) } else { session.output.line(&"done".into()) };
    }
    session.show(&answer, |reply: Value| generic::show(session, &reply))
}
