//! A client connection, as far as the request path needs to know of it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use http::request::Parts;
use http::{HeaderValue, Method};
use ipnet::IpNet;

use super::Refusal;
use super::head::{self, BodyFraming, HeadFacts};
use crate::config::DownstreamLimits;
use crate::deadline::{Deadline, Deadlines};

/// What the [`Gate`](super::Gate) and the request path of one connection tell each other.
///
/// The gate runs ahead of the path (it reads what hyper will parse), so both count requests and speak of them by number.
#[derive(Debug)]
pub struct Client {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Limits of the listener.
    pub limits: Arc<DownstreamLimits>,
    /// The peer's address as it stands in `X-Forwarded-For`.
    pub forwarded_for: HeaderValue,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Until the client must have sent something.
    pub receive: Deadline,
    /// Until the client must have taken something.
    pub send: Deadline,
    /// Until the backend must have done something for this client.
    pub upstream: Deadline,
    /// Requests that the gate has let pass.
    passed: Cell<u64>,
    /// Requests that the path has begun, and that it has ended.
    begun: Cell<u64>,
    ended: Cell<u64>,
    refusal: Cell<Option<Refusal>>,
    /// Head of the request `replay_number`, if that may be sent twice.
    replay_head: RefCell<Vec<u8>>,
    replay_number: Cell<u64>,
    upgrade: Cell<Upgrade>,
    gate: RefCell<Option<Waker>>,
}

/// What became of a request for another protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Upgrade {
    #[default]
    Undecided,
    Accepted,
    Declined,
}

/// The replay buffer keeps this much between requests; a larger head gives its memory back.
const REPLAY_KEPT: usize = 2048;

impl Client {
    /// A new connection.
    #[must_use]
    pub fn new(
        peer: SocketAddr,
        limits: Arc<DownstreamLimits>,
        trusted_proxies: Arc<[IpNet]>,
        deadlines: &Deadlines,
    ) -> Self {
        let receive = deadlines.deadline();
        receive.set(limits.header_timeout);
        // An address is made of digits, dots and colons.
        let forwarded_for = HeaderValue::from_str(&peer.ip().to_canonical().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self {
            peer,
            limits,
            forwarded_for,
            trusted_proxies,
            receive,
            send: deadlines.deadline(),
            upstream: deadlines.deadline(),
            passed: Cell::new(0),
            begun: Cell::new(0),
            ended: Cell::new(0),
            refusal: Cell::new(None),
            replay_head: RefCell::default(),
            replay_number: Cell::new(0),
            upgrade: Cell::default(),
            gate: RefCell::default(),
        }
    }

    // The path's side.

    /// The path begins a request. `Err` = it is the one that the gate has refused.
    pub fn begin_request(&self) -> Result<u64, Refusal> {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        match self.refusal.get() {
            Some(refusal) if number > self.passed.get() => Err(refusal),
            _ => Ok(number),
        }
    }

    /// The path has ended a request: its response is whole, or won't be.
    ///
    /// If it asked for another protocol and didn't get it, for whatever reason, the gate reads on.
    pub fn end_request(&self) {
        self.ended.set(self.ended.get() + 1);
        if self.upgrade.get() == Upgrade::Undecided {
            self.upgrade.set(Upgrade::Declined);
            if let Some(gate) = self.gate.borrow_mut().take() {
                gate.wake();
            }
        }
        if self.is_idle() {
            self.receive.set(self.limits.keepalive_timeout);
        }
    }

    /// Whether the connection's last request may be followed by another one.
    #[must_use]
    pub fn may_keep_alive(&self) -> bool {
        self.begun.get() < self.limits.keepalive_requests
    }

    /// Whether the first request has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.get() > 0
    }

    /// Whether no request is in work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.begun.get() == self.ended.get()
    }

    /// What the gate found wrong with the body of the request in work.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.get()
    }

    /// Whether a request that may be sent twice can't be had again from [`replay`](Self::replay): the client pipelines,
    /// and the gate has passed the next one already.
    #[must_use]
    pub fn needs_spare(&self, number: u64, method: &Method, no_body: bool) -> bool {
        no_body && self.passed.get() != number && head::is_idempotent(method.as_str())
    }

    /// The head of a request that may be sent twice, from the bytes in which it came: nothing else is kept of it while
    /// all goes well.
    #[must_use]
    pub fn replay(&self, number: u64) -> Option<Parts> {
        if self.replay_number.get() != number {
            return None;
        }
        head::rebuild(&self.replay_head.borrow())
    }

    /// The backend changes the protocol, too: nothing that the client sends from now on is HTTP.
    pub fn accept_upgrade(&self) {
        self.upgrade.set(Upgrade::Accepted);
    }

    // The gate's side.

    /// A request passes.
    pub(super) fn pass(&self, bytes: &[u8], facts: HeadFacts) {
        self.passed.set(self.passed.get() + 1);
        self.upgrade.set(Upgrade::Undecided);
        if facts.idempotent && facts.body == BodyFraming::None {
            let mut kept = self.replay_head.borrow_mut();
            kept.clear();
            if bytes.len() <= REPLAY_KEPT {
                kept.shrink_to(REPLAY_KEPT);
            }
            kept.extend_from_slice(bytes);
            self.replay_number.set(self.passed.get());
        }
    }

    /// Nothing passes any more.
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refusal.set(Some(refusal));
    }

    /// Whether the protocol stays as it is; if that isn't known yet, `waker` is woken once it is.
    pub(super) fn upgrade_declined(&self, waker: &Waker) -> bool {
        if self.upgrade.get() == Upgrade::Declined {
            return true;
        }
        *self.gate.borrow_mut() = Some(waker.clone());
        false
    }
}
