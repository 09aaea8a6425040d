//! Requests that another pool gets as well: a share of those of a route. Nobody waits for its answers.
//!
//! A mirrored request is a copy that goes its own way, in a task of its own: what becomes of it is counted, and nothing else. Its body is
//! what was kept of the client's on its way to the backend, so that the copy begins when that has come to its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, TRAILER};
use http::{HeaderValue, Method};
use http_body::Body as _;
use pointsman_core::counts::{MirrorEnd, OpenMirror};
use pointsman_core::request::{ExactTarget, RequestHead};

use super::forward::{Prepared, is_idempotent};
use super::header_rules::{HeaderRules, RequestRules};
use super::label::MIRROR_HEADER;
use super::rewrite::Rewritten;
use crate::config::{HeaderPlan, MirrorConfig};
use crate::deadline::Deadlines;
use crate::downstream::{ClientConnection, RequestContext};
use crate::insight::Insight;
use crate::upstream::{
    Answered, Balancer, Claimed, Error, Exchange, PinnedConnections, ResponseTimeout, Upload,
};

/// Most bytes of an answer that are read: the backend is to come to its end, but not to send for ever.
const ANSWER_BYTES: usize = 1 << 20;

/// `mirror` of a route, as a worker applies it.
#[derive(Debug)]
pub struct Mirror {
    config: Arc<MirrorConfig>,
    balancer: Rc<Balancer>,
    rules: Option<Rc<HeaderRules>>,
}

/// A copy of a request, as it is before rules are applied.
#[derive(Debug)]
pub(super) struct MirroredRequest {
    config: Arc<MirrorConfig>,
    balancer: Rc<Balancer>,
    rules: Option<Rc<HeaderRules>>,
    head: RequestHead,
    rewritten: Option<Box<Rewritten>>,
    connection: Rc<ClientConnection>,
    deadlines: Deadlines,
    place: OpenMirror,
}

impl Mirror {
    /// Mirrors to what this balancer picks, with these rules.
    #[must_use]
    pub fn new(config: Arc<MirrorConfig>, balancer: Rc<Balancer>, rules: Option<&HeaderPlan>) -> Self {
        Self { config, balancer, rules: rules.map(|plan| Rc::new(HeaderRules::new(plan))) }
    }

    /// A copy of a request, if it is one of the share. Not of one that may become something else than a request with an answer, nor of one
    /// that is a copy itself.
    #[inline(never)]
    pub(super) fn copy(
        &self,
        prepared: &Prepared,
        (head, rewritten): (&RequestHead, Option<&Rewritten>),
        connection: &Rc<ClientConnection>,
        (deadlines, insight): (&Deadlines, &Insight),
    ) -> Option<Box<MirroredRequest>> {
        let is_of_connection =
            prepared.upgrade.is_some() || prepared.authenticates || head.parts.method == Method::CONNECT;
        let share = u64::from(self.config.share);
        if is_of_connection
            || head.parts.headers.contains_key(&MIRROR_HEADER)
            || (share < u64::from(MirrorConfig::ALL)
                && insight.ids.draw() % u64::from(MirrorConfig::ALL) >= share)
        {
            return None;
        }
        let place = self.balancer.pool().counts.mirrored.begin(self.config.max_requests)?;
        Some(Box::new(MirroredRequest {
            config: Arc::clone(&self.config),
            balancer: Rc::clone(&self.balancer),
            rules: self.rules.clone(),
            head: copy_of(head),
            rewritten: rewritten.cloned().map(Box::new),
            connection: Rc::clone(connection),
            deadlines: deadlines.clone(),
            place,
        }))
    }
}

/// A copy of a request for another pool, if there is to be one.
#[inline]
pub(super) fn of(
    mirror: &Option<Box<Mirror>>,
    prepared: &Prepared,
    (head, rewritten): (&RequestHead, &Option<Box<Rewritten>>),
    context: &RequestContext,
    worker: (&Deadlines, &Insight),
) -> Option<Box<MirroredRequest>> {
    mirror.as_ref()?.copy(prepared, (head, rewritten.as_deref()), context.connection(), worker)
}

/// Sends a copy, if there is one, as soon as all of the body has come.
#[inline]
pub(super) fn follow(mirrored: Option<Box<MirroredRequest>>, upload: &Upload) {
    if let Some(mirrored) = mirrored {
        mirrored.follow(upload);
    }
}

impl MirroredRequest {
    #[inline(never)]
    fn follow(self: Box<Self>, upload: &Upload) {
        self.place.end(MirrorEnd::BrokenBody);
        let most = self.config.max_body;
        upload.when_whole(most, move |body| match body {
            Some(body) => {
                self.place.end(MirrorEnd::CutOff);
                tokio::task::spawn_local(async move { (*self).run(body).await });
            }
            None => self.place.end(MirrorEnd::LargeBody),
        });
    }

    async fn run(self, body: Vec<u8>) {
        let context = Rc::new(RequestContext::new(Rc::clone(&self.connection), false));
        context.limit(self.deadlines.after(self.config.timeout));
        let now = self.deadlines.clock().now();
        {
            let mut record = context.record();
            record.times.first_byte = Some(now);
            record.pool = Some(self.balancer.worker_pool().local_pool().clone());
        }
        let Self { balancer, rules, mut head, rewritten, deadlines, place, .. } = self;
        // Its body came in chunks, or over HTTP/2, and there was nothing in it.
        if body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(&head.parts.method) {
            head.parts.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let rules = rules.map(|rules| RequestRules::begin(&rules, &mut head, &context));
        *context.head() = head;
        let upload = Upload::of(body, deadlines.clock());
        let end =
            send(&balancer, (rules.as_deref(), rewritten.as_deref()), &context, upload, &deadlines).await;
        let ended = deadlines.clock().now();
        context.record().times.ended = Some(ended);
        context.connection().reports.aside(&context.record());
        place.end(end);
    }
}

/// Has a backend answer, and drops the answer. There is one attempt: a copy isn't worth more.
async fn send(
    balancer: &Balancer,
    (rules, rewritten): (Option<&RequestRules>, Option<&Rewritten>),
    context: &Rc<RequestContext>,
    upload: Upload,
    deadlines: &Deadlines,
) -> MirrorEnd {
    let claimed = balancer.claim(&mut context.head());
    let Claimed::Backend(claim) = claimed else {
        context.record().error = Some("no-backend");
        return MirrorEnd::NoBackend;
    };
    if let Some(rules) = rules {
        rules.at_backend(&mut context.head(), context, claim.backend());
    }
    if let Some(rewritten) = rewritten {
        rewritten.at_backend(&mut context.head().parts);
    }
    let again = {
        let head = context.head();
        is_idempotent(&head.parts).then(|| copy_of(&head).parts)
    };
    let timeout = ResponseTimeout::Full(balancer.limits().response_timeout);
    let pinned = Rc::<PinnedConnections>::default();
    let exchange = Exchange::begin(claim, context, &pinned, upload, false, timeout, deadlines);
    let outcome = match exchange.run(|| again.clone()).await {
        Ok(answered) => {
            context.record().status = Some(answered.status());
            read(answered).await
        }
        Err(failed) => Err(failed.error),
    };
    match outcome {
        Ok(()) => MirrorEnd::Answered,
        Err(error) => {
            // Nobody is slow to take it: what comes too late is too late.
            let error = if matches!(error, Error::SlowReader) { Error::TotalTimeout } else { error };
            context.record().error = Some(error.label());
            if error.is_timeout() { MirrorEnd::TimedOut } else { MirrorEnd::Failed }
        }
    }
}

/// Reads an answer to its end, so that its connection can be kept; of a long one only the start.
async fn read(answered: Answered) -> Result<(), Error> {
    let mut body = answered.into_response().into_body();
    let mut left = ANSWER_BYTES;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let data = frame?.data_ref().map_or(0, bytes::Bytes::len);
        if data > left {
            break;
        }
        left -= data;
    }
    Ok(())
}

/// A head without what is of its connection, marked as a copy.
fn copy_of(head: &RequestHead) -> RequestHead {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = head.parts.method.clone();
    parts.uri = head.parts.uri.clone();
    parts.version = head.parts.version;
    parts.headers = head.parts.headers.clone();
    // All of the body is there.
    for name in [EXPECT, TRAILER] {
        parts.headers.remove(name);
    }
    parts.headers.insert(&MIRROR_HEADER, HeaderValue::from_static("1"));
    if let Some(target) = head.parts.extensions.get::<ExactTarget>() {
        parts.extensions.insert(target.clone());
    }
    let mut copy = RequestHead::new(parts, head.client);
    (copy.tls, copy.protocol, copy.is_call) = (head.tls, head.protocol, head.is_call);
    copy.route.clone_from(&head.route);
    copy
}
