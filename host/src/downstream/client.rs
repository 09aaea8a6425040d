//! A client connection, as far as the request path needs to know of it.

pub mod expectation;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method};
use ipnet::IpNet;
use pointsman_core::clock::Moment;
use pointsman_core::request::ExactTarget;

use super::head::{self, HeadFacts};
use super::{Refusal, target};
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
    /// The request in work has a time by which it must have ended.
    is_bound: Cell<bool>,
    /// A body that waits for permission.
    pub expectation: expectation::Expectation,
    /// Requests that the gate has let pass.
    passed: Cell<u64>,
    /// Requests that the path has begun, and that it has ended.
    begun: Cell<u64>,
    ended: Cell<u64>,
    /// What the gate found wrong with the request that would have been next, or with the body of the last that passed.
    refused_request: Cell<Option<Refusal>>,
    refused_body: Cell<Option<Refusal>>,
    /// Head of the request `replay_number`, which may be sent twice if its body can.
    replay_head: RefCell<Vec<u8>>,
    replay_number: Cell<u64>,
    /// The last request that passed has an answer that keeps to HTTP.
    stays_with_http: Cell<bool>,
    /// Number of the last request that asked for another protocol, or 0.
    upgrade_request: Cell<u64>,
    /// The response in work ends where the connection does, which the gate hasn't prepared for yet.
    ends_by_close: Cell<bool>,
    /// Targets, by the numbers of their requests, that hyper can't hold. Nearly always empty.
    exact_targets: RefCell<Vec<(u64, ExactTarget)>>,
    gate: RefCell<Option<Waker>>,
    /// How long to wait for another request, once the connection shall come to its end.
    grace: Cell<Option<Duration>>,
    /// Until when an idle connection waits for a request.
    idle_until: Cell<Moment>,
    /// When its last response was whole, or it was accepted: to the microsecond if the response was a backend's that keeps the
    /// connection, else as the sweep knows the time.
    last_used: Cell<Moment>,
    /// It has been idle for long enough, and nothing is kept for it that a next request can make anew.
    rests: Cell<bool>,
}

/// An idle connection keeps its buffers for so long: a busy client's next request finds them there. Thousands of idle
/// connections, of which most never send another request, would mostly hold buffers. Going to rest and waking costs a third of a
/// small request, so it must not happen between any two of them.
const REST_AFTER: Duration = Duration::from_millis(300);

/// The same on a worker with more than [`MANY`] connections, where buffers take more memory than all else, and a
/// connection's next request is seldom near.
const REST_SOON_AFTER: Duration = Duration::from_millis(100);
const MANY: usize = 2048;

/// Deadlines of a client.
const DEADLINES: usize = 3;

/// The replay buffer keeps this much between requests; a larger head gives its memory back.
const REPLAY_KEPT: usize = 2048;

/// An address as a field's value.
fn forwarded_for(address: IpAddr) -> HeaderValue {
    let value = match address {
        // The usual case, for each connection: without the machinery of `fmt`.
        IpAddr::V4(address) => {
            let (mut text, mut length) = ([b'.'; 15], 0);
            for octet in address.octets() {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(octet).as_bytes();
                text[length..length + digits.len()].copy_from_slice(digits);
                length += digits.len() + 1;
            }
            HeaderValue::from_bytes(&text[..length - 1])
        }
        IpAddr::V6(address) => HeaderValue::from_str(&address.to_string()),
    };
    // An address is made of digits, dots and colons.
    value.unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

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
        let idle_until = deadlines.after(limits.header_timeout);
        receive.set_at(idle_until);
        let forwarded_for = forwarded_for(peer.ip().to_canonical());
        Self {
            peer,
            limits,
            forwarded_for,
            trusted_proxies,
            receive,
            send: deadlines.deadline(),
            upstream: deadlines.deadline(),
            is_bound: Cell::new(false),
            expectation: expectation::Expectation::default(),
            passed: Cell::new(0),
            begun: Cell::new(0),
            ended: Cell::new(0),
            refused_request: Cell::new(None),
            refused_body: Cell::new(None),
            replay_head: RefCell::default(),
            replay_number: Cell::new(0),
            stays_with_http: Cell::default(),
            upgrade_request: Cell::default(),
            ends_by_close: Cell::default(),
            exact_targets: RefCell::default(),
            gate: RefCell::default(),
            grace: Cell::new(None),
            idle_until: Cell::new(idle_until),
            last_used: Cell::new(deadlines.now()),
            rests: Cell::new(true),
        }
    }

    // The path's side.

    /// The path begins a request of this method. `Err` = it stands in for one that the gate has refused.
    pub fn begin_request(&self, method: &Method) -> Result<u64, Refusal> {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        if *method == Method::CONNECT {
            return Err(self.refused_request.get().unwrap_or(Refusal::Method));
        }
        Ok(number)
    }

    /// The request in work, with its response, has until `end`.
    pub fn bind_request(&self, end: Moment) {
        self.is_bound.set(true);
        self.upstream.bind(end);
        self.send.bind(end);
    }

    /// The path has ended a request: its response is whole, or won't be.
    pub fn end_request(&self) {
        self.ended.set(self.ended.get() + 1);
        self.exact_targets.borrow_mut().retain(|(number, _)| *number > self.ended.get());
        if self.is_bound.take() {
            self.upstream.unbind();
            self.send.unbind();
        }
        if self.is_idle() {
            let wait = self.grace.get().unwrap_or(self.limits.keepalive_timeout);
            self.idle_until.set(self.receive.after(wait));
            // If it is set, the next head has begun, or what may still turn out an empty line.
            if !self.receive.is_set() {
                self.wait_awake();
            }
        }
    }

    /// The client will take the end of the connection for the end of the response: nothing but its true end may look like that.
    pub fn end_by_close(&self) {
        self.ends_by_close.set(true);
    }

    /// Whether the connection's last request may be followed by another one.
    #[must_use]
    pub fn may_keep_alive(&self) -> bool {
        self.begun.get() < self.limits.keepalive_requests && !self.is_ending()
    }

    /// The connection shall come to its end: the next response says that it is the last one. A request that is on the way
    /// is waited for, so that closing doesn't cross it.
    pub fn end_soon(&self, grace: Duration) {
        self.grace.set(Some(grace));
        if self.is_idle() {
            let end = self.receive.after(grace).min(self.idle_until.get());
            self.idle_until.set(end);
            if !self.receive.is_set_within(grace) {
                self.receive.set_at(end);
            }
        }
    }

    /// Whether the connection shall come to its end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.grace.get().is_some()
    }

    /// Whether the connection is idle, and has been for so long that it gives back what it holds for a request.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.rests.get()
    }

    /// The connection gets again what it needs for a request.
    pub fn wake(&self) {
        self.rests.set(false);
        self.wait_awake();
    }

    /// A response was whole at this moment.
    pub fn used(&self, now: Moment) {
        self.last_used.set(now);
    }

    /// When that was last.
    #[must_use]
    pub fn last_used(&self) -> Moment {
        self.last_used.get()
    }

    /// How many requests the path has begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Whether no request is in work, and none has passed that the path hasn't begun yet.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        // A refused one begins without having passed.
        self.begun.get().max(self.passed.get()) == self.ended.get()
    }

    /// What the gate found wrong, after which nothing passes any more.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refused_request.get().or_else(|| self.refused_body.get())
    }

    /// What the gate found wrong with the body of this request.
    #[must_use]
    pub fn body_refusal(&self, number: u64) -> Option<Refusal> {
        self.refused_body.get().filter(|_| number == self.passed.get())
    }

    /// Whether a request that may be sent twice can't be had again from [`replay`](Self::replay): the client pipelines,
    /// and the gate has kept another one.
    #[must_use]
    pub fn needs_spare(&self, number: u64, method: &Method) -> bool {
        self.replay_number.get() != number && head::is_idempotent(method.as_str())
    }

    /// The head of a request that may be sent twice, from the bytes in which it came: nothing else is kept of it while
    /// all goes well.
    #[must_use]
    pub fn replay(&self, number: u64) -> Option<Parts> {
        if self.replay_number.get() != number {
            return None;
        }
        let mut parts = head::rebuild(&self.replay_head.borrow())?;
        self.restore_target(number, &mut parts);
        Some(parts)
    }

    /// Puts the exact target beside what hyper has seen of it, if that isn't the same.
    pub fn restore_target(&self, number: u64, parts: &mut Parts) {
        let targets = self.exact_targets.borrow();
        if let Some((_, target)) = targets.iter().find(|(of, _)| *of == number) {
            parts.extensions.insert(target.clone());
        }
    }

    /// Whether the gate lets nothing pass after this request until its answer is known. Only such a request may change the
    /// protocol: after any other, what the gate passes on or makes up as HTTP would end up in the tunnel.
    #[must_use]
    pub fn may_upgrade(&self, number: u64) -> bool {
        self.upgrade_request.get() == number
    }

    /// The answer to this request keeps to HTTP: if it was a wish for another protocol, the gate reads on.
    pub fn stay_with_http(&self, number: u64) {
        // Nothing has passed after such a wish.
        if number != self.passed.get() {
            return;
        }
        self.stays_with_http.set(true);
        if let Some(gate) = self.gate.borrow_mut().take() {
            gate.wake();
        }
    }

    // The gate's side.

    /// Whether the connection is idle and has time left to wait for a request.
    pub(super) fn may_stay_idle(&self, now: Moment) -> bool {
        self.is_idle() && self.idle_until.get() > now
    }

    /// The idle connection goes to rest.
    pub(super) fn rest(&self) {
        self.receive.set_at(self.idle_until.get());
        self.replay_head.take();
        self.rests.set(true);
    }

    /// Waits for a request, at first with all that serving it takes.
    pub(super) fn wait_awake(&self) {
        let is_one_of_many = self.receive.count() > MANY * DEADLINES;
        let rest_after = if is_one_of_many { REST_SOON_AFTER } else { REST_AFTER };
        self.receive.set_at(self.receive.after(rest_after).min(self.idle_until.get()));
    }

    /// Whether a response is about to begin whose end is that of the connection. Says so once.
    pub(super) fn begins_to_end_by_close(&self) -> bool {
        self.ends_by_close.take()
    }

    /// A request passes.
    pub(super) fn pass(&self, bytes: &mut [u8], facts: HeadFacts) {
        let is_next = self.is_idle();
        self.passed.set(self.passed.get() + 1);
        if facts.exact_target
            && let Some(target) = target::take_exact(bytes)
        {
            self.exact_targets.borrow_mut().push((self.passed.get(), target));
        }
        self.stays_with_http.set(false);
        if facts.upgrade {
            self.upgrade_request.set(self.passed.get());
        }
        // What is kept for the request in work stays; the path keeps this one itself when its turn comes.
        if facts.idempotent && is_next {
            let mut kept = self.replay_head.borrow_mut();
            kept.clear();
            if bytes.len() <= REPLAY_KEPT {
                kept.shrink_to(REPLAY_KEPT);
            }
            kept.extend_from_slice(bytes);
            self.replay_number.set(self.passed.get());
        }
    }

    /// The next request doesn't pass, nor does anything after it.
    pub(super) fn refuse_request(&self, refusal: Refusal) {
        self.refused_request.set(Some(refusal));
    }

    /// The rest of the body in work doesn't pass, nor does anything after it.
    pub(super) fn refuse_body(&self, refusal: Refusal) {
        self.refused_body.set(Some(refusal));
    }

    /// Whether the protocol stays HTTP after the last request that passed; if that isn't known yet, `waker` is woken
    /// when it does.
    pub(super) fn stays_with_http(&self, waker: &Waker) -> bool {
        if self.stays_with_http.get() {
            return true;
        }
        *self.gate.borrow_mut() = Some(waker.clone());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_forwarded_as_it_is_written() {
        let written = ["0.0.0.0", "127.0.0.1", "192.0.2.33", "255.255.255.255", "::1", "2001:db8::ff:0:1"];
        for written in written {
            assert_eq!(forwarded_for(written.parse().unwrap()), written);
        }
    }
}
