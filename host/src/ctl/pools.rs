//! Pools and backends: seen, drained and weighed.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::arguments::WeightChoice;
use super::client::Call;
use super::failure::Failure;
use super::format::{count, percent, seconds, weight as shown_weight};
use super::names::{BackendName, path};
use super::output::{Styled, Tone};
use super::session::{Session, read};
use super::table::{Align, Table};
use crate::admin::model::{
    BackendChange, BackendReply, BackendState, OverrideState, PoolList, PoolReply, PoolState,
};

/// How often a backend that drains is asked whether it is done.
const WAIT_STEP: Duration = Duration::from_millis(200);

pub(super) fn pools(session: &Session) -> Result<(), Failure> {
    let answer = session.call(Call::get(path(&["pools"])))?;
    session.show(&answer, |list: PoolList| {
        let mut table = Table::new(&[
            ("POOL", Align::Left),
            ("READY", Align::Right),
            ("IN FLIGHT", Align::Right),
            ("LOAD", Align::Right),
            ("QUEUED", Align::Right),
            ("REQUESTS", Align::Right),
            ("5XX", Align::Right),
            ("~P50", Align::Right),
            ("~P99", Align::Right),
        ]);
        for pool in &list.pools {
            table.row(pool_row(pool));
        }
        session.output.raw(table.show(session.output))
    })
}

fn pool_row(pool: &PoolState) -> Vec<Styled> {
    let all = pool.backends.len() as u64;
    let ready = match pool.eligible {
        0 => Tone::Bad,
        some if some < all => Tone::Notice,
        _ => Tone::Good,
    };
    let errors = pool.responses.get("5xx").copied().unwrap_or(0);
    vec![
        (&pool.name).into(),
        Styled::new(format_args!("{}/{all}", pool.eligible), ready),
        count(pool.in_flight).into(),
        load(pool.saturation),
        Styled::new(count(pool.queue.requests), noticed(pool.queue.requests > 0)),
        count(pool.requests).into(),
        count(errors).into(),
        time(pool.recent.as_ref().and_then(|recent| recent.p50_seconds)),
        time(pool.recent.as_ref().and_then(|recent| recent.p99_seconds)),
    ]
}

/// How full a pool is; nothing if the configuration doesn't say what its backends can do.
pub(super) fn load(saturation: Option<f64>) -> Styled {
    saturation.map_or_else(|| "-".into(), |share| percent(share).into())
}

fn noticed(is: bool) -> Tone {
    if is { Tone::Notice } else { Tone::Plain }
}

/// A time of the last ten seconds, if there was any.
fn time(time: Option<f64>) -> Styled {
    time.map_or_else(|| "-".into(), |time| seconds(time).into())
}

pub(super) fn backends(session: &Session, pool: Option<&str>, down: bool) -> Result<(), Failure> {
    let mut table = Table::new(&[
        ("POOL/BACKEND", Align::Left),
        ("STATE", Align::Left),
        ("WEIGHT", Align::Right),
        ("DUE", Align::Right),
        ("IN FLIGHT", Align::Right),
        ("REQUESTS", Align::Right),
        ("FAILED", Align::Right),
        ("LATENCY", Align::Right),
    ]);
    let mut has_overrides = false;
    let mut add = |pool: &PoolState| {
        for backend in pool.backends.iter().filter(|backend| !down || !backend.eligible) {
            has_overrides |= is_weighed(backend);
            table.row(backend_row(&pool.name, backend));
        }
    };
    let answer = match pool {
        Some(pool) => session.call(Call::get(path(&["pools", pool])))?,
        None => session.call(Call::get(path(&["pools"])))?,
    };
    if session.output.json {
        return session.pass_on(&answer);
    }
    if pool.is_some() {
        let reply: PoolReply = read(&answer)?;
        add(&reply.pool);
    } else {
        let list: PoolList = read(&answer)?;
        list.pools.iter().for_each(add);
    }
    session.output.raw(table.show(session.output))?;
    if has_overrides {
        let star = "* as an operator has said; `pointsman ctl overrides` says who, and since when";
        session.output.line(&star.into())?;
    }
    Ok(())
}

/// Whether an operator has changed its weight.
fn is_weighed(backend: &BackendState) -> bool {
    backend.overrides.as_ref().is_some_and(|changed| changed.weight.is_some())
}

fn backend_row(pool: &str, backend: &BackendState) -> Vec<Styled> {
    let changed = if is_weighed(backend) { "*" } else { "" };
    vec![
        format!("{pool}/{}", backend.name).into(),
        state(backend),
        format!("{}{changed}", shown_weight(backend.weight)).into(),
        percent(backend.expected_share).into(),
        count(backend.in_flight).into(),
        count(backend.requests).into(),
        count(backend.failures).into(),
        match latency(backend) {
            Some(latency) => seconds(latency).into(),
            None => "-".into(),
        },
    ]
}

/// The time to the head of a response, of late, seconds; none if there was no response yet. A quantile since the start would still call slow
/// what was slow, and not yet what is.
pub(super) fn latency(backend: &BackendState) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let latency = backend.latency_ewma_us as f64 / 1e6;
    (latency > 0.0).then_some(latency)
}

/// How a backend is, in a word.
pub(super) fn state(backend: &BackendState) -> Styled {
    match backend {
        BackendState { draining: true, .. } => Styled::new("draining", Tone::Notice),
        BackendState { ejected: true, .. } => Styled::new("ejected", Tone::Bad),
        BackendState { unchecked: true, .. } => Styled::new("unchecked", Tone::Notice),
        BackendState { healthy: false, eligible: true, .. } => Styled::new("down, used", Tone::Bad),
        BackendState { healthy: false, .. } => Styled::new("down", Tone::Bad),
        BackendState { eligible: false, backup: true, .. } => Styled::new("backup", Tone::Plain),
        BackendState { eligible: false, .. } => Styled::new("not used", Tone::Notice),
        _ => Styled::new("up", Tone::Good),
    }
}

pub(super) fn drain(session: &Session, backend: &BackendName, wait: bool) -> Result<(), Failure> {
    let changed = change(session, backend, &json!({ "draining": true }))?;
    let mut state = changed.state(session)?;
    let name = format!("{}/{}", state.pool, state.backend.name);
    while wait && state.backend.in_flight > 0 {
        thread::sleep(WAIT_STEP);
        state = changed.state(session)?;
        if !state.backend.draining {
            return Err(Failure::Failed(format!("{name} no longer drains: someone else has changed that")));
        }
    }
    let pool: PoolReply = session.ask(Call::get(path(&["pools", &state.pool])))?;
    let last = match pool.pool.eligible {
        0 => format!("; no backend of {} gets requests now", state.pool),
        _ => String::new(),
    };
    changed.tell(session, |_| match state.backend.in_flight {
        0 => format!("{name} drains; nothing is in flight{last}"),
        left => format!("{name} drains; {left} in flight, `--wait` waits for their end{last}"),
    })
}

/// Takes back what was said, and if the configuration itself says that it drains, overrides that.
pub(super) fn undrain(session: &Session, backend: &BackendName) -> Result<(), Failure> {
    let mut changed = change(session, backend, &json!({ "draining": null }))?;
    if changed.state(session)?.backend.draining {
        changed = change(session, backend, &json!({ "draining": false }))?;
    }
    changed.tell(session, |reply| {
        let backend = &reply.backend;
        format!("{}/{} is {}", reply.pool, backend.name, state(backend).as_str())
    })
}

pub(super) fn weight(session: &Session, backend: &BackendName, weight: WeightChoice) -> Result<(), Failure> {
    let value = match weight {
        WeightChoice::Set(weight) => json!(weight),
        WeightChoice::OfFile => Value::Null,
    };
    change(session, backend, &json!({ "weight": value }))?.tell(session, |reply| {
        let BackendReply { pool, backend, .. } = reply;
        let (weight, share) = (shown_weight(backend.full_weight), percent(backend.expected_share));
        format!("{pool}/{} has weight {weight}, which is {share} of its pool", backend.name)
    })
}

/// A backend that was changed.
struct Changed {
    path: String,
    answer: Bytes,
}

impl Changed {
    /// How it is now.
    fn state(&self, session: &Session) -> Result<BackendReply, Failure> {
        session.ask(Call::get(self.path.clone()))
    }

    fn tell(&self, session: &Session, say: impl FnOnce(&BackendReply) -> String) -> Result<(), Failure> {
        if session.output.json {
            return session.pass_on(&self.answer);
        }
        let change: BackendChange = read(&self.answer)?;
        let mut text = say(&self.state(session)?);
        if change.overrides != OverrideState::default() && !change.survives_restart {
            text.push_str("; that ends with the process, SIGUSR2 included, as there is no `state_dir`");
        }
        session.output.line(&text.into())
    }
}

/// Changes a backend, whose name may be read in several ways: the first one that exists is meant.
fn change(session: &Session, backend: &BackendName, change: &Value) -> Result<Changed, Failure> {
    let mut unknown = None;
    for (pool, backend) in backend.readings() {
        let path = path(&["pools", pool, "backends", backend]);
        match session.call(Call::json(Method::PATCH, path.clone(), change)) {
            Err(failure) if failure.is_unknown_name() => unknown = unknown.or(Some(failure)),
            answer => return answer.map(|answer| Changed { path, answer }),
        }
    }
    Err(unknown.unwrap_or_else(|| Failure::Usage("there is no backend in that name".into())))
}
