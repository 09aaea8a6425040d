//! What a function of the host begins with.

use wasmtime::Caller;

use crate::guest::GuestState;

/// What the host keeps for the guest, whose call is counted: for functions that don't look into the guest's memory.
#[inline]
pub(super) fn enter<'a>(caller: &'a mut Caller<'_, GuestState>) -> &'a mut GuestState {
    let state = caller.data_mut();
    state.watch.count();
    state
}
