//! One connection over HTTP/2, and the task that moves its bytes.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use http::Request;
use http::uri::Scheme;
use pointsman_core::clock::{Clock, Moment};
use pointsman_core::pool::UpstreamLimits;
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::failure;
use super::io::{Http2Io, Watched};
use crate::downstream::http2::LongBlocks;
use crate::stream::Stream;
use crate::upstream::Error;
use crate::upstream::permit::ConnectionPermit;

/// How much larger a head may be than is allowed before `h2` itself cuts it off: up to here, the error can say what is wrong with it.
const HEAD_FACTOR: u32 = 4;

/// What `h2` adds to the size of each field.
const FIELD_OVERHEAD: u32 = 32;

/// Most bytes of a request that wait in `h2`.
const SEND_BUFFER: usize = 64 * 1024;

/// Streams that are remembered for a second after they were cancelled: what the backend has still sent of them is no fault.
const CANCELLED: usize = 4_096;

/// Faulty streams after which a connection ends, however long it takes to come to them. Each costs its own request only.
const FAULTY: usize = 65_536;

/// The window that every connection begins with (RFC 9113 section 6.9.2).
const FIRST_WINDOW: u32 = 65_535;

/// A connection that is no longer needed may take this long to say farewell.
const FAREWELL: Duration = Duration::from_secs(5);

/// A connection to a backend over HTTP/2. When this is dropped and its streams are over, it ends.
#[derive(Debug)]
pub(in crate::upstream) struct Http2Connection {
    sender: RefCell<SendRequest<Bytes>>,
    state: Rc<DriverState>,
    /// What its requests came over, in the backend's view.
    pub(super) scheme: Scheme,
    /// Most streams that the configuration allows.
    max_streams: u32,
    /// Streams of requests in progress.
    streams: Cell<u32>,
    /// It takes no new streams.
    retired: Cell<bool>,
    /// It has had a response.
    served: Cell<bool>,
    /// When it was first seen without streams.
    idle_since: Cell<Option<Moment>>,
}

/// What the task that drives a connection tells others.
#[derive(Debug)]
struct DriverState {
    io: Watched,
    /// Most streams that the backend allows; 0 until it has said anything.
    allowed: Cell<usize>,
    /// How it ended.
    ended: RefCell<Option<Result<(), h2::Error>>>,
    /// Nobody needs it any more.
    released: Cell<bool>,
    /// Told when the backend has said how many streams it allows, and when the connection has ended.
    settled: Notify,
    /// Told when there may be room for another stream, or for another connection.
    room: Rc<Notify>,
}

impl Http2Connection {
    /// Makes a connection of a stream of bytes. It is there once the backend has sent its settings: until then it isn't certain that it speaks
    /// HTTP/2, and nothing of a request is sent.
    pub(in crate::upstream) async fn open(
        stream: Stream,
        limits: &UpstreamLimits,
        permit: ConnectionPermit,
        room: Rc<Notify>,
        clock: Clock,
    ) -> Result<Rc<Self>, Error> {
        let scheme = if matches!(stream, Stream::Tls(_)) { Scheme::HTTPS } else { Scheme::HTTP };
        let long_blocks = LongBlocks::new(list(limits) as usize, limits.max_response_header_bytes);
        let io = Http2Io::new(stream, clock, long_blocks);
        let state = Rc::new(DriverState {
            io: io.watched(),
            allowed: Cell::new(0),
            ended: RefCell::new(None),
            released: Cell::new(false),
            settled: Notify::new(),
            room,
        });
        let handshake = builder(limits).handshake(io);
        let (sender, connection) = handshake.await.map_err(|error| failure::of_opening(Some(&error)))?;
        let connection_state = Rc::clone(&state);
        tokio::task::spawn_local(async move {
            drive(connection, connection_state).await;
            drop(permit);
        });
        let connection = Rc::new(Self {
            sender: RefCell::new(sender),
            state,
            scheme,
            max_streams: limits.http2.max_streams,
            streams: Cell::new(0),
            retired: Cell::new(false),
            served: Cell::new(false),
            idle_since: Cell::new(None),
        });
        connection.settle().await?;
        Ok(connection)
    }

    /// Waits for the backend's settings.
    async fn settle(&self) -> Result<(), Error> {
        loop {
            let settled = self.state.settled.notified();
            match &*self.state.ended.borrow() {
                Some(how) => return Err(failure::of_opening(how.as_ref().err())),
                None if self.state.allowed.get() > 0 => return Ok(()),
                None => {}
            }
            settled.await;
        }
    }

    /// Whether it takes new streams, now or later.
    pub(super) fn is_open(&self) -> bool {
        !self.retired.get()
            && self.state.ended.borrow().is_none()
            && !matches!(self.poll_ready(), Poll::Ready(Err(_)))
            // Closed while it was idle, as its task is about to see: nothing of a request is lost yet.
            && (self.streams.get() > 0 || !self.state.io.has_ended())
    }

    /// Whether it takes another stream now.
    pub(super) fn has_room(&self) -> bool {
        let most = self.state.allowed.get().min(self.max_streams as usize);
        (self.streams.get() as usize) < most && self.can_begin()
    }

    fn poll_ready(&self) -> Poll<Result<(), h2::Error>> {
        self.sender.borrow_mut().poll_ready(&mut Context::from_waker(Waker::noop()))
    }

    /// Whether a stream that has its place can begin.
    pub(super) fn can_begin(&self) -> bool {
        matches!(self.poll_ready(), Poll::Ready(Ok(())))
    }

    /// Begins a stream with a request, which is lost if this fails; after [`can_begin`](Self::can_begin) it doesn't.
    pub(super) fn begin(
        &self,
        request: Request<()>,
        is_whole: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        // By another handle, as one knows the stream that it has begun last until that has its place, and whoever asks this one whether there
        // is room would take the waker of whoever sends that stream's body.
        self.sender.borrow().clone().send_request(request, is_whole)
    }

    /// Whether the backend takes WebSockets in streams (RFC 8441 section 3).
    pub(super) fn takes_websockets(&self) -> bool {
        self.sender.borrow().is_extended_connect_protocol_enabled()
    }

    /// Takes no more streams, and ends with those that there are.
    pub(super) fn retire(&self) {
        self.retired.set(true);
    }

    /// Streams of requests in progress.
    pub(super) fn streams(&self) -> u32 {
        self.streams.get()
    }

    /// One stream more.
    pub(super) fn enter(&self) {
        self.streams.set(self.streams.get() + 1);
        self.idle_since.set(None);
    }

    /// One stream less.
    pub(super) fn leave(&self) {
        self.streams.set(self.streams.get() - 1);
    }

    /// The backend has answered on it.
    pub(super) fn answered(&self) {
        self.served.set(true);
    }

    /// Whether it has had a response before, and waits for none.
    pub(super) fn was_idle(&self) -> bool {
        self.served.get() && self.streams.get() == 0
    }

    /// The streams of which `h2` may have cut the trailers.
    pub(super) fn long_blocks(&self) -> &Rc<LongBlocks> {
        self.state.io.long_blocks()
    }

    /// Bytes that have come from the backend.
    pub(super) fn received(&self) -> u64 {
        self.state.io.received()
    }

    /// Bytes that have come and went since this was last asked: whoever asks counts them, as all streams are of one backend.
    pub(super) fn moved(&self) -> (u64, u64) {
        self.state.io.moved()
    }

    /// Whether it has been seen without streams for this long.
    pub(super) fn is_idle_for(&self, now: Moment, timeout: Duration) -> bool {
        if self.streams.get() > 0 {
            return false;
        }
        let since = self.idle_since.get().unwrap_or(now);
        self.idle_since.set(Some(since));
        now.since(since) >= timeout
    }
}

impl Drop for Http2Connection {
    /// Without the sender the connection says farewell as soon as its streams are over.
    fn drop(&mut self) {
        self.state.released.set(true);
    }
}

impl DriverState {
    /// The backend may have changed what it allows.
    fn allow(&self, streams: usize) {
        let before = self.allowed.replace(streams);
        if streams > before {
            self.settled.notify_one();
            self.room.notify_one();
        }
    }

    fn end(&self, how: Result<(), h2::Error>) {
        if let Err(error) = &how {
            tracing::debug!(event = "backend-connection-ended", %error, "a connection to a backend over HTTP/2 has ended");
        }
        *self.ended.borrow_mut() = Some(how);
        self.settled.notify_one();
        self.room.notify_one();
    }
}

/// Moves the bytes of a connection until it has ended.
async fn drive(mut connection: Connection<Http2Io, Bytes>, state: Rc<DriverState>) {
    let mut farewell: Option<Pin<Box<Sleep>>> = None;
    let ended = poll_fn(|cx| {
        let polled = Pin::new(&mut connection).poll(cx);
        state.allow(connection.max_concurrent_send_streams());
        if polled.is_ready() || !state.released.get() {
            return polled;
        }
        let farewell = farewell.get_or_insert_with(|| Box::pin(tokio::time::sleep(FAREWELL)));
        ready!(farewell.as_mut().poll(cx));
        Poll::Ready(Ok(()))
    });
    let ended = ended.await;
    state.end(ended);
}

/// Up to which size `h2` keeps the fields of a head or of trailers.
fn list(limits: &UpstreamLimits) -> u32 {
    let cap = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let fields = cap(limits.max_response_headers).saturating_mul(FIELD_OVERHEAD);
    cap(limits.max_response_header_bytes).saturating_add(fields).saturating_mul(HEAD_FACTOR)
}

/// What makes a connection of `h2`'s.
fn builder(limits: &UpstreamLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        // Until the backend has said how many it allows.
        .initial_max_send_streams(0)
        .initial_window_size(limits.http2.stream_window)
        .initial_connection_window_size(limits.http2.connection_window.max(FIRST_WINDOW))
        .max_header_list_size(list(limits))
        .max_concurrent_reset_streams(CANCELLED)
        .max_local_error_reset_streams(Some(FAULTY))
        .max_send_buffer_size(SEND_BUFFER);
    builder
}
