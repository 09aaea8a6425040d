//! Arguments that stand for nothing. The contract has an answer for them, and authors are told.

use crate::guest::GuestState;

/// Tells of a backend that there isn't.
#[inline]
pub(super) fn check_backend(state: &mut GuestState, function: &'static str, index: i32) {
    if index.cast_unsigned() as usize >= state.topology.backends().len() {
        tell(state, function, "backend", index);
    }
}

/// Says that the guest has asked a function for something that there isn't, if lines of this level are wanted and the guest hasn't had its share.
#[cold]
pub(super) fn tell(state: &mut GuestState, function: &'static str, what: &'static str, number: i32) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let now = state.now();
    let Some(dropped) = state.context.log.take(now) else { return };
    let (pool, version) = (&*state.context.pool.name, state.version.as_str());
    let route = state.context.settings.route.as_deref();
    tracing::debug!(
        event = "policy-asked-unknown",
        pool,
        route,
        version,
        dropped,
        "policy asks `{function}` for {what} {number}, which there isn't"
    );
}
