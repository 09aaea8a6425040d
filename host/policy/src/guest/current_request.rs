//! The request that a guest may read during a call.
//!
//! A store owns its data, so a borrowed request could only be in it by being moved in and out, three hundred bytes each way. So
//! it is beside the store: a thread-local reference on the thread that the guest runs on, for exactly as long as the call.

use pointsman_core::request::RequestHead;
use scoped_tls::scoped_thread_local;

scoped_thread_local!(static CURRENT_REQUEST: RequestHead);

/// Calls a guest that may read this request. Calls don't nest: a guest can't be entered from one of its imports.
pub(crate) fn with_request_scope<R>(head: Option<&RequestHead>, call: impl FnOnce() -> R) -> R {
    match head {
        Some(head) => CURRENT_REQUEST.set(head, call),
        None => call(),
    }
}

/// Gives access to the request of the call that is running, if it has one.
pub(crate) fn with_current_request<R>(access: impl FnOnce(Option<&RequestHead>) -> R) -> R {
    if CURRENT_REQUEST.is_set() { CURRENT_REQUEST.with(|head| access(Some(head))) } else { access(None) }
}
