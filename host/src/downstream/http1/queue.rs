//! Requests between the gate and the path.
//!
//! The gate runs ahead of the path: it reads what hyper will parse, and a client may pipeline. So what it admits waits here, in
//! order, until hyper has parsed it and the path takes it up.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use http::{HeaderMap, Method};
use pointsman_core::clock::Moment;

use super::head::HeadFacts;
use super::interim::Interim;
use crate::config::EarlyHintsUse;
use crate::downstream::target;
use crate::downstream::{ClientConnection, Refusal, RequestContext};

/// What the gate has decided about a request.
#[derive(Debug)]
pub enum Arrival {
    /// It passes.
    Admitted(Rc<RequestContext>),
    /// It doesn't: a stand-in passes in its place, which is answered with the reason.
    Refused(Rc<RequestContext>, Refusal),
}

/// What gate and path of one connection tell each other, in order.
#[derive(Debug)]
pub struct RequestQueue {
    connection: Rc<ClientConnection>,
    arrivals: RefCell<VecDeque<Arrival>>,
    /// The path has begun a request since the gate last asked.
    has_begun: Cell<bool>,
    /// By when the response in progress must be whole.
    response_end: Cell<Option<Moment>>,
    /// The response that comes next ends where the connection does, and the gate hasn't prepared for that yet.
    ends_by_close: Cell<bool>,
    /// The connection has turned out to be HTTP/2.
    is_http2: Cell<bool>,
    interim: Interim,
}

impl RequestQueue {
    /// Nothing has arrived on this connection.
    #[must_use]
    pub fn new(connection: Rc<ClientConnection>) -> Self {
        Self {
            connection,
            arrivals: RefCell::default(),
            has_begun: Cell::default(),
            response_end: Cell::default(),
            ends_by_close: Cell::default(),
            is_http2: Cell::default(),
            interim: Interim::default(),
        }
    }

    /// The connection turns out to be HTTP/2.
    pub(super) fn turn_to_http2(&self) {
        self.is_http2.set(true);
    }

    /// Whether the connection has turned out to be HTTP/2.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.is_http2.get()
    }

    /// The request that hyper has parsed, which is of this method.
    pub fn take(&self, method: &Method) -> Arrival {
        self.has_begun.set(true);
        self.response_end.set(None);
        let arrival = self.arrivals.borrow_mut().pop_front();
        match arrival {
            Some(Arrival::Admitted(context)) if *method == Method::CONNECT => {
                Arrival::Refused(context, Refusal::Method)
            }
            Some(arrival) => {
                if let Arrival::Admitted(context) = &arrival
                    && let Some(hints) = context.early_hints()
                {
                    self.interim.begin(hints);
                }
                arrival
            }
            // Gate and hyper disagree on where requests begin: nothing of it may go on.
            None => {
                self.connection.keepalive.admit();
                let context = RequestContext::new(Rc::clone(&self.connection), false);
                Arrival::Refused(Rc::new(context), Refusal::MalformedHead)
            }
        }
    }

    /// A response begins, which must be whole by `end`.
    pub fn begin_response(&self, end: Option<Moment>) {
        self.response_end.set(end);
        self.interim.end();
    }

    /// Passes on the hints for the request in progress, prepared for its client. `true` = there are some, which go out with the next flush:
    /// hyper flushes whenever it is polled.
    pub fn pass_hints(&self, prepare: impl Fn(HeaderMap) -> HeaderMap) -> bool {
        self.interim.encode(prepare)
    }

    /// Interim responses that are to go out now, if any: hyper has nothing to send before them.
    pub(super) fn take_interim(&self) -> Bytes {
        self.interim.take()
    }

    /// By when the response in progress must be whole. `None` once the path has given all of it: that doesn't limit how long the
    /// client takes for the rest.
    pub(super) fn response_end(&self) -> Option<Moment> {
        if self.connection.keepalive.is_idle() { None } else { self.response_end.get() }
    }

    /// The client will take the end of the connection for the end of the response: nothing but its true end may look like that.
    pub fn end_by_close(&self) {
        self.ends_by_close.set(true);
    }

    /// Whether a response is about to begin whose end is that of the connection. Says so once.
    pub(super) fn take_end_by_close(&self) -> bool {
        self.ends_by_close.take()
    }

    /// Whether the path has begun a request since this was last asked.
    pub(super) fn take_begun(&self) -> bool {
        self.has_begun.take()
    }
}

/// The gate's end of the queue.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) queue: Rc<RequestQueue>,
    /// The last request that was admitted, whose body is what comes next. Its memory serves the next one, if the path has ended it
    /// by then.
    receiving: Option<Rc<RequestContext>>,
    /// When the head began that hasn't come to its end.
    head_began: Option<Moment>,
}

impl Intake {
    pub(super) fn new(queue: Rc<RequestQueue>) -> Self {
        Self { queue, receiving: None, head_began: None }
    }

    /// A head has begun of which more is to come.
    pub(super) fn begin_head(&mut self, now: Moment) {
        self.head_began.get_or_insert(now);
    }

    /// A request passes, with something of its body if `body_has_come`. Masks in its head what hyper can't hold.
    pub(super) fn admit(&mut self, bytes: &mut [u8], facts: HeadFacts, body_has_come: bool) {
        let mut context = self.next_context(facts.upgrade);
        if let Some(context) = Rc::get_mut(&mut context) {
            if facts.exact_target {
                context.target = target::take_exact(bytes);
            }
            if facts.idempotent {
                context.kept_head.keep_bytes(bytes);
            }
            let takes_hints = facts.http11 && self.queue.connection.limits.early_hints == EarlyHintsUse::All;
            if !takes_hints {
                context.early_hints = None;
            } else if context.early_hints.is_none() {
                context.early_hints = Some(Arc::default());
            }
        }
        context.arrive(self.head_began.take(), bytes.len());
        if body_has_come {
            context.body_comes();
        }
        self.receiving = Some(Rc::clone(&context));
        self.hand_over(Arrival::Admitted(context));
    }

    /// The next request doesn't pass, nor does anything after it; these are its first bytes.
    pub(super) fn refuse(&mut self, refusal: Refusal, head: &[u8]) {
        let context = self.next_context(false);
        context.arrive(self.head_began.take(), 0);
        context.log_refused(head);
        self.hand_over(Arrival::Refused(context, refusal));
    }

    fn hand_over(&self, arrival: Arrival) {
        self.queue.connection.keepalive.admit();
        self.queue.arrivals.borrow_mut().push_back(arrival);
    }

    fn next_context(&mut self, asks_upgrade: bool) -> Rc<RequestContext> {
        if let Some(mut last) = self.receiving.take()
            && let Some(context) = Rc::get_mut(&mut last)
        {
            context.reset(asks_upgrade);
            return last;
        }
        Rc::new(RequestContext::new(Rc::clone(&self.queue.connection), asks_upgrade))
    }

    /// The rest of the body doesn't pass, nor does anything after it.
    pub(super) fn refuse_body(&self, refusal: Refusal) {
        if let Some(context) = &self.receiving {
            context.refuse_body(refusal);
        }
    }

    /// The request whose body comes next, if any was admitted.
    pub(super) fn receiving(&self) -> Option<&Rc<RequestContext>> {
        self.receiving.as_ref()
    }

    /// Whether the answer to the last request keeps to HTTP; if that isn't known yet, `waker` is woken when it is.
    pub(super) fn upgrade_declined(&self, waker: &Waker) -> bool {
        self.receiving.as_ref().is_none_or(|context| context.upgrade_declined(waker))
    }

    /// Gives back the memory that the next request would use.
    pub(super) fn park(&mut self) {
        self.receiving = None;
        self.queue.arrivals.take();
    }
}
