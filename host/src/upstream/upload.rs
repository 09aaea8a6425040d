//! A request's body on its way to a backend, or to one after the other.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pointsman_core::clock::Clock;

use super::Error;
use super::permission::Continue;
use super::stall::{SENT_NOTHING, Stall};
use crate::downstream::{BrokenBody, ClientBody, RequestContext};

/// The body of a client's request, which outlives the attempts to send it.
#[derive(Debug, Clone, Default)]
pub struct Upload(Option<Rc<Source>>);

/// Where the bodies of all attempts come from.
#[derive(Debug)]
struct Source {
    incoming: RefCell<ClientBody>,
    /// Length of the whole body, if the client has said it.
    length: Option<u64>,
    /// The client has sent it to its end.
    over: Cell<bool>,
    /// The client has broken it off.
    broken: Cell<bool>,
    /// The client keeps the backend waiting for it.
    stall: Stall,
    /// Something of it came since this was last asked for.
    came: Cell<bool>,
    clock: Clock,
    replay: RefCell<ReplayBuffer>,
    /// What is done to the trailers before they are sent or kept.
    clean: fn(&mut HeaderMap),
    /// Set if the client waits for permission to send.
    expected: Option<Expected>,
}

/// A body that isn't asked for before the backend permits it, or it comes by itself.
#[derive(Debug)]
struct Expected {
    context: Rc<RequestContext>,
    continued: Arc<Continue>,
}

impl Expected {
    fn poll_permitted(&self, cx: &Context<'_>) -> Poll<()> {
        if self.context.body_has_come() {
            self.continued.give();
        }
        if self.continued.poll_given(cx).is_ready() {
            self.context.stop_awaiting_body();
            return Poll::Ready(());
        }
        self.context.await_body();
        Poll::Pending
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.context.stop_awaiting_body();
    }
}

/// What has been sent of a body, for another attempt.
#[derive(Debug)]
enum ReplayBuffer {
    /// All that was sent so far, at most `limit` bytes. Copied, as a slice of what was read would hold on to the whole
    /// buffer around it.
    All { bytes: Vec<u8>, trailers: Option<HeaderMap>, limit: usize, awaiting: Option<Box<Awaiting>> },
    /// Some was sent and isn't kept.
    Lost,
}

/// Who wants the whole body once it is there.
struct Awaiting {
    /// Only if it isn't longer than this.
    most: usize,
    /// Takes it, or hears that it is too long. Dropped if it doesn't come to its end.
    take: Box<dyn FnOnce(Option<Vec<u8>>)>,
}

impl fmt::Debug for Awaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaiting").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Upload {
    /// The client's body. The first `keep` bytes are kept for other attempts, unless it turns out longer. With
    /// `Expect: 100-continue`, which `expectation` is about, it isn't asked for until the backend says so or it comes. `clean` takes out of the trailers what the backend
    /// must not get.
    #[must_use]
    pub fn new(
        incoming: ClientBody,
        keep: usize,
        expectation: Option<Rc<RequestContext>>,
        clean: fn(&mut HeaderMap),
        clock: Clock,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self(None);
        }
        let length = incoming.size_hint().exact();
        let limit = if length.is_some_and(|length| length > keep as u64) { 0 } else { keep };
        let source = Source {
            incoming: RefCell::new(incoming),
            length,
            over: Cell::default(),
            broken: Cell::default(),
            stall: Stall::default(),
            came: Cell::default(),
            clock,
            replay: RefCell::new(ReplayBuffer::All {
                bytes: Vec::new(),
                trailers: None,
                limit,
                awaiting: None,
            }),
            clean,
            expected: expectation.map(|context| Expected { context, continued: Arc::default() }),
        };
        Self(Some(Rc::new(source)))
    }

    /// A body that is all there.
    #[must_use]
    pub fn of(bytes: Vec<u8>, clock: Clock) -> Self {
        if bytes.is_empty() {
            return Self(None);
        }
        let (length, limit) = (Some(bytes.len() as u64), bytes.len());
        let source = Source {
            incoming: RefCell::new(ClientBody::Empty),
            length,
            over: Cell::new(true),
            broken: Cell::default(),
            stall: Stall::default(),
            came: Cell::default(),
            clock,
            replay: RefCell::new(ReplayBuffer::All { bytes, trailers: None, limit, awaiting: None }),
            clean: |_| (),
            expected: None,
        };
        Self(Some(Rc::new(source)))
    }

    /// Has `take` get a copy of all of it once it has come to its end, or nothing if it is longer than `most`. Dropped if it breaks off.
    pub fn when_whole(&self, most: usize, take: impl FnOnce(Option<Vec<u8>>) + 'static) {
        let Some(source) = &self.0 else { return take(Some(Vec::new())) };
        match source.length {
            // Nobody asks for what follows.
            Some(0) => return take(Some(Vec::new())),
            Some(length) if length > most as u64 => return take(None),
            _ => {}
        }
        if let ReplayBuffer::All { limit, awaiting, .. } = &mut *source.replay.borrow_mut() {
            *limit = most.max(*limit);
            *awaiting = Some(Box::new(Awaiting { most, take: Box::new(take) }));
        }
    }

    /// Whether another attempt can send all of it.
    #[must_use]
    pub fn can_be_repeated(&self) -> bool {
        self.0.as_ref().is_none_or(|source| matches!(*source.replay.borrow(), ReplayBuffer::All { .. }))
    }

    /// The body of one attempt, from its start.
    pub(super) fn body(&self) -> RequestBody {
        RequestBody { source: self.0.clone(), sent: 0, trailers_sent: false }
    }

    /// Whether there is a body.
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Whether there is a body, and the client hasn't said how long it is.
    pub(super) fn is_chunked(&self) -> bool {
        self.0.as_ref().is_some_and(|source| source.length.is_none())
    }

    /// Whether the client has sent it to its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(|source| source.over.get())
    }

    /// Whether something of it came since this was last asked.
    pub(super) fn has_come(&self) -> bool {
        self.0.as_ref().is_some_and(|source| source.came.take())
    }

    /// Whose fault it is that the backend has broken off, or fallen silent: the client's, if that has broken off itself, or
    /// has kept the backend waiting, if it `waits`.
    pub(super) fn blame(&self, error: Error, waits: bool) -> Error {
        match (&error, &self.0) {
            (
                Error::Reset | Error::StreamReset(_) | Error::IdleTimeout | Error::TotalTimeout,
                Some(source),
            ) if !source.over.get() => {
                if source.broken.get() {
                    Error::ClientAbort
                } else if waits
                    && source.stall.is_on()
                    && source.stall.total(source.clock.now()) >= SENT_NOTHING
                {
                    match error {
                        Error::IdleTimeout => Error::Silence,
                        _ => Error::ClientStalled,
                    }
                } else {
                    error
                }
            }
            _ => error,
        }
    }

    /// Where the permission to send it goes, if it needs one.
    pub(super) fn continued(&self) -> Option<&Arc<Continue>> {
        Some(&self.0.as_ref()?.expected.as_ref()?.continued)
    }

    /// The permission to send it, if the backend hasn't given it yet.
    pub(super) fn awaited(&self) -> Option<&Continue> {
        self.continued().map(Arc::as_ref).filter(|continued| !continued.is_given())
    }
}

impl Source {
    /// What was sent after the first `sent` bytes in an earlier attempt.
    fn kept_after(&self, sent: u64) -> Option<Bytes> {
        match &*self.replay.borrow() {
            ReplayBuffer::All { bytes, .. } => {
                let rest = bytes.get(usize::try_from(sent).ok()?..).filter(|rest| !rest.is_empty());
                rest.map(Bytes::copy_from_slice)
            }
            ReplayBuffer::Lost => None,
        }
    }

    /// The trailers, if they were sent in an earlier attempt.
    fn kept_trailers(&self) -> Option<HeaderMap> {
        match &*self.replay.borrow() {
            ReplayBuffer::All { trailers, .. } => trailers.clone(),
            ReplayBuffer::Lost => None,
        }
    }

    fn keep(&self, frame: &Frame<Bytes>) {
        let mut kept = self.replay.borrow_mut();
        let ReplayBuffer::All { bytes, trailers, limit, awaiting } = &mut *kept else { return };
        match frame.data_ref() {
            Some(data) if bytes.len() + data.len() > *limit => {
                let awaiting = awaiting.take();
                *kept = ReplayBuffer::Lost;
                drop(kept);
                if let Some(awaiting) = awaiting {
                    (awaiting.take)(None);
                }
            }
            Some(data) => bytes.extend_from_slice(data),
            None => *trailers = frame.trailers_ref().cloned(),
        }
    }

    /// All of it has come: whoever awaits that gets a copy.
    fn hand_out(&self) {
        let taken = match &mut *self.replay.borrow_mut() {
            ReplayBuffer::All { bytes, awaiting, .. } => awaiting.take().map(|awaiting| {
                let body = (bytes.len() <= awaiting.most).then(|| bytes.clone());
                (awaiting.take, body)
            }),
            ReplayBuffer::Lost => None,
        };
        if let Some((take, body)) = taken {
            take(body);
        }
    }
}

/// The body of a request to a backend.
#[derive(Debug)]
pub struct RequestBody {
    source: Option<Rc<Source>>,
    /// Bytes sent in this attempt.
    sent: u64,
    trailers_sent: bool,
}

impl RequestBody {
    /// Whether the body, whose length the client hasn't said, has ended with what was sent last. Not before something was sent: how a
    /// message is framed is decided then.
    fn is_all_sent(&self, source: &Source) -> bool {
        self.sent > 0
            && source.over.get()
            && !source.broken.get()
            && match &*source.replay.borrow() {
                ReplayBuffer::All { bytes, trailers, .. } => {
                    bytes.len() as u64 == self.sent && trailers.is_none()
                }
                // Its trailers came with its end, if there were any, and were what was sent last.
                ReplayBuffer::Lost => true,
            }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = &mut *self;
        let Some(source) = &this.source else { return Poll::Ready(None) };
        if let Some(expected) = &source.expected {
            source.incoming.borrow_mut().look_for_arrival(cx);
            ready!(expected.poll_permitted(cx));
        }
        if let Some(data) = source.kept_after(this.sent) {
            this.sent += data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if source.over.get() {
            let trailers = (!this.trailers_sent).then(|| source.kept_trailers()).flatten();
            this.trailers_sent = true;
            return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
        }
        let mut incoming = source.incoming.borrow_mut();
        let Poll::Ready(mut frame) = Pin::new(&mut *incoming).poll_frame(cx) else {
            source.stall.begin(|| source.clock.now());
            return Poll::Pending;
        };
        source.stall.end(|| source.clock.now());
        source.came.set(true);
        source.broken.set(matches!(frame, Some(Err(_))));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            (source.clean)(trailers);
        }
        // Nothing follows the trailers, and their reader may not poll again.
        let is_last = matches!(&frame, Some(Ok(frame)) if frame.is_trailers());
        if frame.is_none() || is_last || incoming.is_end_stream() {
            source.over.set(true);
        }
        drop(incoming);
        if let Some(Ok(frame)) = &frame {
            source.keep(frame);
            this.trailers_sent |= frame.is_trailers();
            if let Some(data) = frame.data_ref() {
                this.sent += data.len() as u64;
            }
        }
        // The end of HTTP/2 may come by itself, behind all of a body whose length is known; then nobody may ask for it.
        if (source.over.get() || source.length == Some(this.sent)) && !source.broken.get() {
            source.hand_out();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.length == Some(self.sent) || self.is_all_sent(source))
    }

    fn size_hint(&self) -> SizeHint {
        let Some(source) = &self.source else { return SizeHint::with_exact(0) };
        source
            .length
            .map_or_else(SizeHint::default, |length| SizeHint::with_exact(length.saturating_sub(self.sent)))
    }
}
