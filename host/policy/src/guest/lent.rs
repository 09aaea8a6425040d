//! The request that a guest may look at while it is called.
//!
//! A store owns its data, so a request that belongs to someone else can't be in it for the time of a call without being
//! moved in and out, three hundred bytes each way. It is lent beside the store instead: a reference in a place of the
//! thread that the guest runs on, which is there for as long as the call and not a moment longer.

use pointsman_core::request::RequestHead;
use scoped_tls::scoped_thread_local;

scoped_thread_local!(static LENT: RequestHead);

/// Calls a guest that may look at this request. Calls don't nest: a guest can't be entered from one of its imports.
pub(crate) fn lend<R>(head: Option<&RequestHead>, call: impl FnOnce() -> R) -> R {
    match head {
        Some(head) => LENT.set(head, call),
        None => call(),
    }
}

/// What the guest that is being called may look at, if anything.
pub(crate) fn with_request<R>(look: impl FnOnce(Option<&RequestHead>) -> R) -> R {
    if LENT.is_set() { LENT.with(|head| look(Some(head))) } else { look(None) }
}
