//! Live numbers of backends.

use pointsman_core::backend::BackendStats;
use pointsman_sdk::abi::{ABSENT, MODULE, import, stat};
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::given;
use super::memory::open;
use super::unknown;
use crate::guest::GuestState;

/// Evaluates an expression with `$read` as the way to read one kind of number; `None` for an unknown kind.
///
/// A macro, because the expression is compiled once per kind: a column over a thousand backends must not decide a
/// thousand times which number it is made of.
macro_rules! with_kind {
    ($kind:expr, $state:expr, |$read:ident| $use:expr) => {
        with_kind!(@match $kind, $read, $use,
            IN_FLIGHT => BackendStats::in_flight,
            // Requests wait for the pool, not for one backend.
            QUEUED => { let queued = $state.context.pool.queue().len(); move |_: &BackendStats| queued },
            REQUESTS => BackendStats::requests,
            FAILURES => BackendStats::failures,
            LATENCY_EWMA_US => BackendStats::latency_ewma_us,
            PEAK_EWMA_US => { let now = $state.now(); move |stats: &BackendStats| stats.peak_ewma_us(now) },
            ERROR_RATE_PPM => BackendStats::error_rate_ppm,
            REPORTED_LOAD_PPM => BackendStats::reported_load_ppm,
            MS_SINCE_FAILURE => { let now = $state.now(); move |stats: &BackendStats| stats.ms_since_failure(now) },
        )
    };
    (@match $kind:expr, $read:ident, $use:expr, $($name:ident => $reader:expr,)*) => {
        match $kind {
            $(stat::$name => {
                let $read = $reader;
                Some($use)
            })*
            _ => None,
        }
    };
}

/// A kind of number, as the policy contract names it.
const fn name_of(kind: i32) -> &'static str {
    match kind {
        stat::IN_FLIGHT => "in_flight",
        stat::QUEUED => "queued",
        stat::REQUESTS => "requests",
        stat::FAILURES => "failures",
        stat::LATENCY_EWMA_US => "latency_ewma_us",
        stat::PEAK_EWMA_US => "peak_ewma_us",
        stat::ERROR_RATE_PPM => "error_rate_ppm",
        stat::REPORTED_LOAD_PPM => "reported_load_ppm",
        stat::MS_SINCE_FAILURE => "ms_since_failure",
        _ => "unknown",
    }
}

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(
            MODULE,
            import::STAT,
            |mut caller: Caller<'_, GuestState>, kind: i32, place: i32| -> i64 {
                let state = enter(&mut caller);
                let index = place.cast_unsigned() as usize;
                unknown::check_backend(state, import::STAT, place);
                let number = with_kind!(kind, state, |read| {
                    state.topology.stats().get(index).map_or(0, |stats| read(stats))
                });
                if number.is_none() {
                    unknown::tell(state, import::STAT, "the kind of number", kind);
                }
                let number = number.unwrap_or(0).cast_signed();
                given::number(state, name_of(kind), place, number);
                number
            },
        )?
        .func_wrap(
            MODULE,
            import::STATS,
            |mut caller: Caller<'_, GuestState>, kind: i32, buf: i32, cap: i32| {
                let (mut memory, state) = open(&mut caller)?;
                let written = with_kind!(kind, state, |read| {
                    let numbers = state.topology.stats().iter().map(|stats| read(stats).to_le_bytes());
                    memory.write_column(import::STATS, buf, cap, numbers)
                });
                let Some(written) = written else {
                    unknown::tell(state, import::STATS, "the kind of number", kind);
                    return Ok(ABSENT);
                };
                given::column(state, &memory, name_of(kind), (buf, cap), i64::from_le_bytes);
                written
            },
        )?;
    Ok(())
}
