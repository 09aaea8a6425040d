//! A request body of HTTP/1 that hasn't said how long it is, and may not be longer than a limit.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;

use super::broken_body::BrokenBody;
use super::{Refusal, RequestContext};

/// A body that breaks off where it turns out too large.
#[derive(Debug)]
pub struct LimitedBody {
    incoming: Incoming,
    /// How many more bytes may come.
    left: u64,
    context: Rc<RequestContext>,
}

impl LimitedBody {
    /// At most `max` bytes of what comes.
    pub(super) fn new(incoming: Incoming, max: u64, context: Rc<RequestContext>) -> Self {
        Self { incoming, left: max, context }
    }

    /// Takes what has come off what may come.
    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), BrokenBody> {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                self.context.refuse_body(Refusal::BodyTooLarge);
                return Err(BrokenBody);
            }
        }
        Ok(())
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|_| BrokenBody)?;
            self.count(&frame)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }
}
