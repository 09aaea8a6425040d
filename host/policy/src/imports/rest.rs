//! Time, chance, log and ticks.

use std::time::Duration;

use pointsman_sdk::abi::{MODULE, import, limit, log_level};
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::given;
use super::memory::open;
use super::text;
use crate::guest::GuestState;

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, import::NOW_US, |mut caller: Caller<'_, GuestState>| {
            let state = enter(&mut caller);
            let now = state.now().0.cast_signed();
            given::fact(state, || "now_us", Some(now));
            now
        })?
        .func_wrap(MODULE, import::RANDOM, |mut caller: Caller<'_, GuestState>| {
            let state = enter(&mut caller);
            let drawn = state.rng.draw().cast_signed();
            given::fact(state, || "random", Some(drawn));
            drawn
        })?
        .func_wrap(MODULE, import::LOG, log)?
        .func_wrap(MODULE, import::TICK_EVERY, |mut caller: Caller<'_, GuestState>, ms: i32| {
            let ms = ms.cast_unsigned();
            let interval = Duration::from_millis(u64::from(ms.max(limit::TICK_MS)));
            enter(&mut caller).report.tick_every = (ms != 0).then_some(interval);
        })?;
    Ok(())
}

fn log(mut caller: Caller<'_, GuestState>, level: i32, ptr: i32, len: i32) -> wasmtime::Result<()> {
    let (memory, state) = open(&mut caller)?;
    let bytes = memory.read(import::LOG, ptr, len)?;
    if level == log_level::PANIC {
        state.report.panic = Some(text::printable(bytes));
        return Ok(());
    }
    say(state, level, bytes);
    Ok(())
}

/// Writes a line of the guest's into the proxy's log, if lines of this level are wanted and the guest hasn't had its share.
pub(super) fn say(state: &mut GuestState, level: i32, bytes: &[u8]) {
    // Lines below the log's level must not use up the rate limit of the others.
    let wanted = match level {
        log_level::DEBUG => tracing::enabled!(tracing::Level::DEBUG),
        log_level::INFO => tracing::enabled!(tracing::Level::INFO),
        log_level::WARN => tracing::enabled!(tracing::Level::WARN),
        _ => tracing::enabled!(tracing::Level::ERROR),
    };
    if !wanted {
        return;
    }
    let now = state.now();
    let Some(dropped) = state.context.log.take(now) else { return };
    let (pool, version) = (&*state.context.pool.name, state.version.as_str());
    let route = state.context.settings.route.as_deref();
    let line = text::printable(bytes);
    // `dropped`: lines that were over the limit since the last one.
    match level {
        log_level::DEBUG => {
            tracing::debug!(event = "policy-logged", pool, route, version, dropped, "policy says: {line}")
        }
        log_level::INFO => {
            tracing::info!(event = "policy-logged", pool, route, version, dropped, "policy says: {line}")
        }
        log_level::WARN => {
            tracing::warn!(event = "policy-logged", pool, route, version, dropped, "policy says: {line}")
        }
        _ => tracing::error!(event = "policy-logged", pool, route, version, dropped, "policy says: {line}"),
    }
}
