//! 103 responses (RFC 8297) on their way to a client of HTTP/1.1, which hyper's server has no words for.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;

use crate::downstream::EarlyHints;

const STATUS_LINE: &[u8] = b"HTTP/1.1 103 Early Hints\r\n";

/// What goes out before the response that comes next.
#[derive(Debug, Default)]
pub(super) struct Interim {
    /// Where the hints for the request in progress come from, if its client gets them.
    source: RefCell<Option<Arc<EarlyHints>>>,
    /// Whole interim responses that the gate hasn't taken yet.
    waiting: RefCell<Bytes>,
}

impl Interim {
    /// A request begins, whose hints come from here.
    pub(super) fn begin(&self, source: &Arc<EarlyHints>) {
        *self.source.borrow_mut() = Some(Arc::clone(source));
    }

    /// The final response comes. What hasn't gone out by now would only follow it.
    pub(super) fn end(&self) {
        if self.source.take().is_some() {
            self.waiting.take();
        }
    }

    /// Makes interim responses of the hints that have come, once the gate has taken the last ones. Whether there are any.
    pub(super) fn encode(&self, prepare: impl Fn(HeaderMap) -> HeaderMap) -> bool {
        let source = self.source.borrow();
        let Some(source) = source.as_ref().filter(|_| self.waiting.borrow().is_empty()) else { return false };
        let mut responses = BytesMut::new();
        for hint in source.take() {
            responses.put_slice(STATUS_LINE);
            for (name, value) in &prepare(hint) {
                for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                    responses.put_slice(part);
                }
            }
            responses.put_slice(b"\r\n");
        }
        *self.waiting.borrow_mut() = responses.freeze();
        !self.waiting.borrow().is_empty()
    }

    /// What is to go out now. It is given once, and has to go out whole.
    pub(super) fn take(&self) -> Bytes {
        self.waiting.take()
    }
}
