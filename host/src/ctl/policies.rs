//! Policies: seen, swapped, taken back and let in again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use bytes::Bytes;
use http::Method;
use pointsman_sdk::abi::limit::FILE_BYTES;
use serde_json::{Value, json};

use super::arguments::SwapArguments;
use super::client::Call;
use super::failure::Failure;
use super::format::{count, moment, percent};
use super::names::{path, with_query};
use super::output::{Styled, Tone};
use super::session::Session;
use super::table::{Align, Table};
use crate::admin::model::{PolicyList, PolicyState};
use crate::regular_file;

/// Where a policy picks.
pub(super) fn place(policy: &PolicyState) -> String {
    match &policy.route {
        Some(route) => format!("{} for {route}", policy.pool),
        None => policy.pool.clone(),
    }
}

/// That nothing was counted.
const NONE: &str = "none";

pub(super) fn policies(session: &Session) -> Result<(), Failure> {
    let answer = session.call(Call::get(path(&["policies"])))?;
    session.show(&answer, |list: PolicyList| {
        let mut table = Table::new(&[
            ("POOL", Align::Left),
            ("POLICY", Align::Left),
            ("VERSION", Align::Left),
            ("SINCE (UTC)", Align::Left),
            ("PICKS", Align::Right),
            ("FALLBACK", Align::Right),
            ("FAULTS", Align::Right),
        ]);
        for policy in &list.policies {
            table.row(policy_row(policy));
        }
        session.output.raw(table.show(session.output))
    })
}

fn policy_row(policy: &PolicyState) -> Vec<Styled> {
    let faults: u64 = policy.faults.values().sum();
    let tone = if policy.open_circuits > 0 { Tone::Bad } else { Tone::Plain };
    vec![
        place(policy).into(),
        (&policy.name).into(),
        (&policy.version).into(),
        moment(policy.last_swap_ms).into(),
        count(policy.picks.values().sum()).into(),
        Styled::new(percent(others_share(&policy.picks)), tone),
        Styled::new(count(faults), if faults > 0 { Tone::Notice } else { Tone::Plain }),
    ]
}

/// The share of picks that were made in the policy's place.
fn others_share(picks: &BTreeMap<String, u64>) -> f64 {
    let all: u64 = picks.values().sum();
    let others = all.saturating_sub(own_picks(picks));
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    if all == 0 { 0.0 } else { others as f64 / all as f64 }
}

/// Picks that the policy decided: what it left to the fallback or rejected is its choice as well.
pub(super) fn own_picks(picks: &BTreeMap<String, u64>) -> u64 {
    ["policy", "abstention", "rejected"].iter().filter_map(|by| picks.get(*by)).sum()
}

pub(super) fn policy(session: &Session, pool: &str, route: Option<&str>) -> Result<(), Failure> {
    let answer = session.call(Call::get(of(pool, route, &[])))?;
    session.show(&answer, |policy: PolicyState| show(session, &policy))
}

fn show(session: &Session, policy: &PolicyState) -> Result<(), Failure> {
    let say = |name: &str, text: String| session.output.line(&format!("{name:<13}{text}").into());
    say("pool", place(policy))?;
    say("policy", policy.name.clone())?;
    say("version", format!("{} from {}", policy.version, policy.origin))?;
    say("serves since", format!("{} UTC", moment(policy.last_swap_ms)))?;
    // What only one version did stands beside it, below.
    say("picks", of_all_versions(tally(&policy.picks)))?;
    say("faults", of_all_versions(tally(&policy.faults)))?;
    say("taken back", count(policy.rollbacks))?;
    if policy.open_circuits > 0 {
        let text =
            format!("{:<13}it fails; on {} workers the fallback picks", "circuits", policy.open_circuits);
        session.output.line(&Styled::new(text, Tone::Bad))?;
    }
    if let Some(put) = &policy.overrides {
        let text = format!("{:<13}the file says {}; changed by {}", "by hand", put.in_file, put.by);
        session.output.line(&Styled::new(text, Tone::Notice))?;
    }
    if let Some(left_out) = &policy.left_out {
        let text = format!("{:<13}{} doesn't serve: {}", "file", left_out.file, left_out.reason);
        session.output.line(&Styled::new(text, Tone::Bad))?;
    }
    if let Some(quarantine) = &policy.quarantine {
        let text = format!("{:<13}{}: {}", "not let in", quarantine.version, quarantine.reason);
        session.output.line(&Styled::new(text, Tone::Notice))?;
    }
    let mut table = Table::new(&[
        ("", Align::Left),
        ("VERSION", Align::Left),
        ("PUBLISHED (UTC)", Align::Left),
        ("FAULTS", Align::Right),
        ("FROM", Align::Left),
    ]);
    for version in &policy.versions {
        let (mark, tone) = if version.active { ("*", Tone::Good) } else { ("", Tone::Plain) };
        table.row([
            mark.into(),
            Styled::new(&version.version, tone),
            moment(version.published_ms).into(),
            count(version.faults.values().sum()).into(),
            (&version.origin).into(),
        ]);
    }
    session.output.raw(format_args!("\n{}", table.show(session.output)))
}

fn of_all_versions(tally: String) -> String {
    if tally == NONE { tally } else { format!("{tally}, of all versions since the start") }
}

fn tally(counts: &BTreeMap<String, u64>) -> String {
    let some: Vec<String> = counts
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(name, number)| format!("{name} {}", count(*number)))
        .collect();
    if some.is_empty() { NONE.to_owned() } else { some.join(", ") }
}

pub(super) fn swap(session: &Session, arguments: &SwapArguments) -> Result<(), Failure> {
    let SwapArguments { pool, plugin, route, replaces } = arguments;
    let path = of(pool, route.as_deref(), &[]);
    let call = if plugin.contains(['/', '.']) {
        let file = Path::new(plugin).file_name().map(OsStr::to_string_lossy);
        Call::plugin(with_query(path, "file", file.as_deref()), read(Path::new(plugin))?)
    } else {
        Call::json(Method::PUT, path, &json!({ "name": plugin }))
    };
    let answer = session.call(call.replacing(replaces.as_deref()))?;
    tell(session, &answer, pool, "serves")
}

/// A plugin. What is too large is refused here: the admin server wouldn't read it to its end.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    regular_file::read(file, FILE_BYTES)
        .map_err(|error| Failure::Failed(format!("cannot read the plugin {}: {error}", file.display())))
}

pub(super) fn rollback(
    session: &Session,
    pool: &str,
    route: Option<&str>,
    version: Option<&str>,
) -> Result<(), Failure> {
    let content = version.map_or_else(|| json!({}), |version| json!({ "version": version }));
    let answer = session.call(Call::json(Method::POST, of(pool, route, &["rollback"]), &content))?;
    tell(session, &answer, pool, "serves again")
}

pub(super) fn unquarantine(
    session: &Session,
    pool: &str,
    version: &str,
    route: Option<&str>,
) -> Result<(), Failure> {
    let path = of(pool, route, &["unquarantine"]);
    let answer = session.call(Call::json(Method::POST, path, &json!({ "version": version })))?;
    if session.output.json {
        return session.pass_on(&answer);
    }
    session.output.line(&format!("{pool}: version {version} is let in again").into())
}

/// Says which version serves now.
fn tell(session: &Session, answer: &Bytes, pool: &str, what: &str) -> Result<(), Failure> {
    session.show(answer, |reply: Value| {
        let version = reply.get("version").and_then(Value::as_str).unwrap_or("the version asked for");
        session.output.line(&format!("{pool}: {version} {what}").into())
    })
}

/// The path of a policy, or of something below it.
fn of(pool: &str, route: Option<&str>, below: &[&str]) -> String {
    with_query(path(&[&["pools", pool, "policy"], below].concat()), "route", route)
}
