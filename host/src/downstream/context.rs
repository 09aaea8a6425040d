//! One request, as the protocol and the request path see it.

use std::cell::{Cell, RefCell, RefMut};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use http::request::Parts;
use http::{HeaderValue, StatusCode};
use pointsman_core::clock::Moment;
use pointsman_core::record::RequestRecord;
use pointsman_core::request::{ExactTarget, RequestHead};
use pointsman_core::request_limit::Hold;

use super::early_hints::EarlyHints;
use super::replay::ReplayHead;
use super::told::Told;
use super::{ClientConnection, Refusal};
use crate::access_log::TunnelEnd;
use crate::deadline::{Deadline, Deadlines};
use crate::insight::RequestInsight;
#[cfg(test)]
use crate::testing::LastRecord;

/// What is known of a request from its admission to its end.
///
/// The protocol makes it when it admits the request, and tells through it what comes after the head; the path answers through
/// it what the protocol has to know.
#[derive(Debug)]
pub struct RequestContext {
    connection: Rc<ClientConnection>,
    /// The head for another attempt, if the method is idempotent.
    pub(super) kept_head: ReplayHead,
    /// The head. Here and not in the request's future, which moves.
    head: RefCell<RequestHead>,
    /// Path and query, if they hold bytes that [`http::Uri`] can't.
    pub(super) target: Option<ExactTarget>,
    upgrade: RefCell<Upgrade>,
    /// What a backend has to accept a WebSocket of HTTP/2 with; boxed as nearly no request is one.
    pub(super) websocket_accept: Option<Box<HeaderValue>>,
    /// Where hints go that come before the response, if the client takes them.
    pub(super) early_hints: Option<Arc<EarlyHints>>,
    body: BodyState,
    /// By when the whole response must be there.
    end: Cell<Option<Moment>>,
    told: Told,
}

/// A request's wish for another protocol.
#[derive(Debug)]
enum Upgrade {
    /// There is none.
    NotAsked,
    /// Nothing else of the client passes before it is answered; the waker is that of the reader, which waits for it.
    Asked(Option<Waker>),
    /// The answer keeps to HTTP.
    Declined,
}

/// What is known of the body.
#[derive(Debug, Default)]
struct BodyState {
    arrival: Cell<BodyArrival>,
    /// What the protocol found wrong with it.
    refusal: Cell<Option<Refusal>>,
    /// Both sides may take turns: who exchanges the request with a backend limits their silence.
    converses: Cell<bool>,
}

/// What has come of a body that needs permission (`Expect: 100-continue`). It isn't read before it is permitted, as reading it would
/// permit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum BodyArrival {
    /// Nothing, as far as is known.
    #[default]
    None,
    /// Nothing, and the path waits: for permission, or for the body without it.
    Awaited,
    /// Nothing, and the client is to be told that it may send.
    Permitted,
    /// Something.
    Some,
    /// Not all of it, and nobody reads the rest.
    Left,
}

impl RequestContext {
    /// A request of a connection. `asks_upgrade` = its head asks for another protocol.
    #[must_use]
    pub fn new(connection: Rc<ClientConnection>, asks_upgrade: bool) -> Self {
        let upgrade = if asks_upgrade { Upgrade::Asked(None) } else { Upgrade::NotAsked };
        Self {
            connection,
            kept_head: ReplayHead::default(),
            head: RefCell::default(),
            target: None,
            upgrade: RefCell::new(upgrade),
            websocket_accept: None,
            early_hints: None,
            body: BodyState::default(),
            end: Cell::new(None),
            told: Told::default(),
        }
    }

    /// Makes it another request's, in the same memory.
    pub(super) fn reset(&mut self, asks_upgrade: bool) {
        self.kept_head.clear();
        self.target = None;
        *self.upgrade.get_mut() = if asks_upgrade { Upgrade::Asked(None) } else { Upgrade::NotAsked };
        self.websocket_accept = None;
        if let Some(hints) = &self.early_hints {
            // Left over if the request before was broken off.
            let _ = hints.take();
        }
        self.body = BodyState::default();
        *self.end.get_mut() = None;
        self.told.reset();
    }

    /// The connection that it came on.
    #[must_use]
    pub fn connection(&self) -> &Rc<ClientConnection> {
        &self.connection
    }

    /// The head, for as long as it isn't sent: an empty one follows. Not to be held across an `await`.
    #[must_use]
    pub fn head(&self) -> RefMut<'_, RequestHead> {
        self.head.borrow_mut()
    }

    /// The head of a request that may be sent twice, from the bytes in which it came: nothing else is kept of it while all goes
    /// well. `None` if its method isn't idempotent.
    #[must_use]
    pub fn replay(&self) -> Option<Parts> {
        let mut parts = self.kept_head.rebuild()?;
        self.restore_target(&mut parts);
        Some(parts)
    }

    /// Puts the exact target beside what hyper has seen of it, if that isn't the same.
    pub fn restore_target(&self, parts: &mut Parts) {
        if let Some(target) = &self.target {
            parts.extensions.insert(target.clone());
        }
    }

    /// What is on record so far. Not to be held across an `await`.
    #[must_use]
    pub fn record(&self) -> RefMut<'_, RequestRecord> {
        self.told.record.borrow_mut()
    }

    /// Keeps what it has taken of a limit until it has ended, or its tunnel has.
    pub fn keep(&self, hold: Hold) {
        self.told.holds.borrow_mut().push(hold);
    }

    /// All of its head has come, so much of it, and the first byte of it at `first_byte`, unless that was now.
    pub(super) fn arrive(&self, first_byte: Option<Moment>, head_bytes: usize) {
        let now = self.now();
        let mut record = self.record();
        record.times.first_byte = Some(first_byte.unwrap_or(now));
        record.times.head_read = Some(now);
        record.bytes.received = head_bytes as u64;
    }

    /// More of its body has come.
    pub(super) fn receive_body(&self, bytes: usize) {
        self.record().bytes.received += bytes as u64;
    }

    /// Keeps what is logged of its head, which is the one that came.
    pub fn log_head(&self, parts: &Parts) {
        self.told.keep_head(&self.connection, parts, self.target.as_ref());
    }

    /// The same of a head that was refused.
    pub(super) fn log_refused(&self, head: &[u8]) {
        self.told.keep_refused(&self.connection, head);
    }

    /// The client is this one, as is known from a head that is logged.
    pub fn log_client(&self, client: IpAddr) {
        self.told.set_client(client);
    }

    /// What is kept of it beside its record. Not to be held across an `await`.
    #[must_use]
    pub fn insight(&self) -> RefMut<'_, Option<Box<RequestInsight>>> {
        self.told.insight()
    }

    // The limit in time.

    /// The response must be whole by `end`.
    pub fn limit(&self, end: Moment) {
        self.end.set(Some(end));
    }

    /// By when the response must be whole.
    #[must_use]
    pub fn end(&self) -> Option<Moment> {
        self.end.get()
    }

    /// A deadline that is capped by that of the whole request.
    #[must_use]
    pub fn deadline(&self, deadlines: &Deadlines) -> Deadline {
        let deadline = deadlines.deadline();
        if let Some(end) = self.end.get() {
            deadline.cap(end);
        }
        deadline
    }

    /// The request has ended: its response is whole, or won't be.
    pub fn finish(&self) {
        let ended = *self.record().times.ended.get_or_insert_with(|| self.now());
        self.told.finish(&self.connection, &self.head);
        #[cfg(test)]
        LastRecord::keep(&self.record());
        self.connection.keepalive.end(ended);
    }

    /// The time, on the clock of the record.
    pub(super) fn now(&self) -> Moment {
        self.connection.keepalive.receive.clock().now()
    }

    // The change of the protocol.

    /// It becomes a tunnel.
    pub(super) fn open_tunnel(&self) {
        self.record().status = Some(StatusCode::SWITCHING_PROTOCOLS);
        self.told.open_tunnel(&self.connection, self.now());
    }

    /// Whether it has become one.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        self.told.is_tunnel()
    }

    /// The tunnel has ended.
    pub(super) fn close_tunnel(&self, end: TunnelEnd) {
        self.told.close_tunnel(&self.connection, end);
    }

    /// Whether the protocol lets nothing pass after this request until its answer is known. Only such a request may change the
    /// protocol: after any other, what passes as HTTP would end up in the tunnel.
    #[must_use]
    pub fn asks_upgrade(&self) -> bool {
        matches!(*self.upgrade.borrow(), Upgrade::Asked(_))
    }

    /// The answer keeps to HTTP: if the request asked for another protocol, the next one may pass.
    pub fn decline_upgrade(&self) {
        let mut upgrade = self.upgrade.borrow_mut();
        if let Upgrade::Asked(waker) = &mut *upgrade {
            let waker = waker.take();
            *upgrade = Upgrade::Declined;
            drop(upgrade);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether the answer keeps to HTTP; if that isn't known yet, `waker` is woken when it is.
    pub(super) fn upgrade_declined(&self, waker: &Waker) -> bool {
        match &mut *self.upgrade.borrow_mut() {
            Upgrade::Asked(awaiting) => {
                *awaiting = Some(waker.clone());
                false
            }
            Upgrade::NotAsked | Upgrade::Declined => true,
        }
    }

    /// What a backend has to accept the change to a WebSocket with, if the client doesn't see that itself. Its answer is a tunnel or a
    /// failure then.
    #[must_use]
    pub fn websocket_accept(&self) -> Option<&HeaderValue> {
        self.websocket_accept.as_deref()
    }

    /// Where hints go that come before the response. `None` = the client takes none.
    #[must_use]
    pub fn early_hints(&self) -> Option<&Arc<EarlyHints>> {
        self.early_hints.as_ref()
    }

    // The body.

    /// What the protocol found wrong with the body.
    #[must_use]
    pub fn body_refusal(&self) -> Option<Refusal> {
        self.body.refusal.get()
    }

    /// The rest of the body doesn't pass.
    pub(super) fn refuse_body(&self, refusal: Refusal) {
        self.body.refusal.set(Some(refusal));
    }

    /// Whether both sides may take turns from now on, as in a call of gRPC: the client may be silent while the backend isn't, and who
    /// exchanges the request limits the silence of both. Without that, a body has to come in its time.
    pub fn set_converses(&self, converses: bool) {
        self.body.converses.set(converses);
    }

    /// Whether both sides may take turns.
    pub(super) fn converses(&self) -> bool {
        self.body.converses.get()
    }

    /// Whether something of the body has come.
    #[must_use]
    pub fn body_has_come(&self) -> bool {
        self.body.arrival.get() == BodyArrival::Some
    }

    /// The path has no permission for the body yet, and wants to know if it comes all the same.
    pub fn await_body(&self) {
        if !self.body_has_come() {
            self.body.arrival.set(BodyArrival::Awaited);
        }
    }

    /// The path doesn't wait for the body any more.
    pub fn stop_awaiting_body(&self) {
        if self.awaits_body() {
            self.body.arrival.set(BodyArrival::None);
        }
    }

    /// Whether the path waits for a body that may come without permission.
    pub(super) fn awaits_body(&self) -> bool {
        self.body.arrival.get() == BodyArrival::Awaited
    }

    /// The client may send its body, of which nothing has come.
    pub(super) fn permit_body(&self) {
        if !self.body_has_come() {
            self.body.arrival.set(BodyArrival::Permitted);
        }
    }

    /// Whether the client is to be told that it may send its body. Says so once.
    pub fn take_permission(&self) -> bool {
        let is_permitted = self.body.arrival.get() == BodyArrival::Permitted;
        if is_permitted {
            self.body.arrival.set(BodyArrival::None);
        }
        is_permitted
    }

    /// Nobody reads the rest of the body, of which not all has come.
    pub(super) fn leave_body(&self) {
        self.body.arrival.set(BodyArrival::Left);
    }

    /// Whether nobody reads the rest of the body, of which not all had come.
    #[must_use]
    pub fn has_left_body(&self) -> bool {
        self.body.arrival.get() == BodyArrival::Left
    }

    /// Something of the body has come.
    pub(super) fn body_comes(&self) {
        self.body.arrival.set(BodyArrival::Some);
    }
}

/// Keeps a request in progress for as long as it, or its response, exists.
#[derive(Debug)]
pub struct RequestGuard(Rc<RequestContext>);

impl RequestGuard {
    /// The path begins a request.
    #[must_use]
    pub fn begin(context: Rc<RequestContext>) -> Self {
        context.connection.keepalive.begin();
        Self(context)
    }

    /// The request.
    #[must_use]
    pub fn context(&self) -> &Rc<RequestContext> {
        &self.0
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.finish();
    }
}
