//! Keeps what a guest is told, if its pick is to be explained. Otherwise each of these is the look at a null.

use super::memory::Memory;
use crate::guest::GuestState;

/// A number of a backend.
#[inline]
pub(super) fn number(state: &GuestState, name: &'static str, index: i32, value: i64) {
    if let Some(mut given) = state.given() {
        given.number(name, index.cast_unsigned(), value);
    }
}

/// A number of every backend, from where it was written: a second look at the backends could find something else.
#[inline]
pub(super) fn column<const N: usize>(
    state: &GuestState,
    memory: &Memory<'_>,
    name: &'static str,
    (buf, cap): (i32, i32),
    read: fn([u8; N]) -> i64,
) {
    if let Some(mut given) = state.given() {
        given.column(name, memory.column(buf, cap, state.topology.backends().len()).map(read));
    }
}

/// Anything else. `value` is the number that was answered; a text isn't kept, as it may be a secret of the client.
#[inline]
pub(super) fn fact<T: Into<String>>(state: &GuestState, what: impl FnOnce() -> T, value: Option<i64>) {
    if let Some(mut given) = state.given() {
        given.fact(what(), value);
    }
}
