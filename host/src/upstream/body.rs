//! Bodies on their way: the client's to the backend, and the backend's to the client.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Error;
use super::connection::{UpstreamConnection, classify};
use super::progress::Progress;
use crate::downstream::Client;

/// The body of a request to a backend.
#[derive(Debug)]
pub struct RequestBody {
    content: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    incoming: Incoming,
    over: Rc<Cell<bool>>,
    /// Set if the client waits for permission to send.
    continued: Option<Arc<Continue>>,
}

/// How far a request body has been sent.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadState {
    over: Option<Rc<Cell<bool>>>,
    continued: Option<Arc<Continue>>,
}

impl UploadState {
    /// Whether it has been sent to its end.
    pub(super) fn is_over(&self) -> bool {
        self.over.as_ref().is_none_or(|over| over.get())
    }

    /// The permission to send it, if the backend hasn't given it yet.
    pub(super) fn awaited(&self) -> Option<&Continue> {
        self.continued.as_deref().filter(|continued| !continued.is_given())
    }
}

impl RequestBody {
    /// The client's body. With `Expect: 100-continue` it isn't asked for until `continued` says so.
    pub(super) fn new(incoming: Incoming, continued: Option<Arc<Continue>>) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self { content: Some(Upload { incoming, over: Rc::default(), continued }) }
    }

    pub(super) fn empty() -> Self {
        Self { content: None }
    }

    pub(super) fn upload(&self) -> UploadState {
        let content = self.content.as_ref();
        UploadState {
            over: content.map(|upload| Rc::clone(&upload.over)),
            continued: content.and_then(|upload| upload.continued.clone()),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(upload) = &mut self.content else { return Poll::Ready(None) };
        if let Some(continued) = &upload.continued {
            ready!(continued.poll_given(cx));
        }
        let frame = ready!(Pin::new(&mut upload.incoming).poll_frame(cx));
        if frame.is_none() || upload.incoming.is_end_stream() {
            upload.over.set(true);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.content.as_ref().is_none_or(|upload| upload.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.content.as_ref().map_or_else(|| SizeHint::with_exact(0), |upload| upload.incoming.size_hint())
    }
}

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
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    fn poll_given(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_given() {
            return Poll::Ready(());
        }
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The body of a backend's response.
///
/// It drives the connection that it comes from. When it has ended, the connection goes back to the idle ones; dropped
/// early, it takes the connection with it, and the backend sees that nobody listens any more.
#[derive(Debug)]
pub struct ExchangeBody {
    incoming: Incoming,
    connection: Option<Box<UpstreamConnection>>,
    client: Rc<Client>,
    progress: Progress,
    /// It has broken off, which hyper is about to hear.
    broken: Option<Error>,
}

impl ExchangeBody {
    pub(super) fn new(
        incoming: Incoming,
        connection: Option<Box<UpstreamConnection>>,
        client: Rc<Client>,
        progress: Progress,
    ) -> Self {
        Self { incoming, connection, client, progress, broken: None }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if let Some(connection) = &mut self.connection {
            let _ = connection.poll_drive(cx);
        }
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    /// The body has broken off. hyper would throw away what it hasn't sent yet, and a client that gets nothing at all may
    /// think that its request was never served: so hyper hears of it only after it had the chance to send that.
    fn fail(&mut self, error: Error, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.connection = None;
        self.progress.broken(&error);
        self.broken = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for ExchangeBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match this.poll_incoming(cx) {
            Poll::Ready(frame) => {
                this.client.upstream.clear();
                match frame {
                    Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
                    Some(Err(error)) => this.fail(classify(error), cx),
                    None => Poll::Ready(None),
                }
            }
            Poll::Pending => {
                let deadline = &this.client.upstream;
                if !deadline.is_set() {
                    deadline.set(this.progress.limits().idle_timeout);
                }
                ready!(deadline.poll(cx));
                this.fail(Error::IdleTimeout, cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ExchangeBody {
    fn drop(&mut self) {
        self.client.upstream.clear();
        let Some(mut connection) = self.connection.take() else { return };
        if self.incoming.is_end_stream() {
            self.progress.complete();
            // Usually it has become ready while the end of the body was read.
            if connection.was_ready() || connection.is_ready() {
                self.progress.keep(connection);
            }
        }
    }
}
