//! A backend's permission to send a body.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// The backend's permission to send the body (RFC 9110 section 10.1.1).
///
/// Behind an `Arc` and a lock because hyper wants it from a callback that could run anywhere.
#[derive(Debug, Default)]
pub(super) struct Continue {
    given: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Continue {
    pub(super) fn give(&self) {
        self.given.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }

    pub(super) fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    pub(super) fn poll_given(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_given() {
            return Poll::Ready(());
        }
        *self.waker.lock() = Some(cx.waker().clone());
        Poll::Pending
    }
}
