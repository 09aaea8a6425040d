//! Requests as parts of traces: the context that goes on to backends, and what is told of a request that is sampled.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::Pool;
use pointsman_core::record::{Choice, Protocol, RequestRecord};
use pointsman_core::request::{host, path};
use pointsman_core::trace::{SpanIds, TraceParent};
use tokio::sync::mpsc;

use crate::ids::IdGenerator;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Most requests that wait for their export. With the longest paths they take 10 MiB.
const QUEUE: usize = 2048;

/// Longest path and host that are kept, bytes.
const LONGEST: usize = 2048;

/// What all workers tell of sampled requests.
#[derive(Debug)]
pub struct Tracer {
    /// A request that begins a trace is sampled if its draw is below this.
    threshold: u64,
    queue: mpsc::Sender<FinishedTrace>,
    told: AtomicU64,
    dropped: AtomicU64,
}

impl Tracer {
    /// Samples this share of requests. What comes out of the other end is for the one who exports it.
    #[must_use]
    pub fn new(sample: f64) -> (Arc<Self>, mpsc::Receiver<FinishedTrace>) {
        let (queue, finished) = mpsc::channel(QUEUE);
        // The product is rounded, and what is too large for the type becomes the most of it.
        let threshold = (sample * u64::MAX as f64) as u64;
        let (told, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        (Arc::new(Self { threshold, queue, told, dropped }), finished)
    }

    /// Spans that were exported.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.told.load(Relaxed)
    }

    /// Spans that were dropped: too many waited, or the collector didn't take them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// So many spans were exported.
    pub fn count_exported(&self, spans: usize) {
        self.told.fetch_add(spans as u64, Relaxed);
    }

    /// So many spans weren't.
    pub fn count_dropped(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Relaxed);
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The client's address; that of the peer, until forwarding fields are read.
    pub peer: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub is_trusted: bool,
    /// As in a URI.
    pub scheme: &'static str,
}

/// A request's place in its trace.
#[derive(Debug)]
pub(super) struct RequestTrace {
    /// The request's own span.
    ids: SpanIds,
    /// The sender's span, if the trace goes on.
    parent: Option<u64>,
    /// Attempts that have begun.
    attempts: u64,
    /// What will be told of it, if it is sampled.
    sampled: Option<Box<TracedRequest>>,
    tracer: Arc<Tracer>,
}

/// What is kept of a request's head for its span.
#[derive(Debug)]
pub struct TracedRequest {
    /// As sent.
    pub method: Method,
    /// Without the query.
    pub path: String,
    /// As sent.
    pub host: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// A sampled request that has ended.
#[derive(Debug)]
pub struct FinishedTrace {
    /// The request's span.
    pub ids: SpanIds,
    /// The sender's span, if the trace goes on.
    pub parent: Option<u64>,
    /// What was asked.
    pub request: TracedRequest,
    /// What the client spoke.
    pub protocol: Protocol,
    /// The first byte of the head, and the end.
    pub span: (Moment, Moment),
    /// The status of the response; `None` if there was none.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<&'static str>,
    /// The pool; `None` if no route led to one.
    pub pool: Option<Arc<Pool>>,
    /// The attempts, in their order.
    pub attempts: Vec<FinishedAttempt>,
}

/// An attempt of such a request.
#[derive(Debug)]
pub struct FinishedAttempt {
    /// The backend.
    pub backend: Arc<Backend>,
    /// Who chose it.
    pub choice: Choice,
    /// From the claim to the end.
    pub span: (Moment, Moment),
    /// The status of the response; `None` if there was none.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<&'static str>,
}

impl FinishedTrace {
    /// The spans that it has: its own, and one of each attempt.
    #[must_use]
    pub fn spans(&self) -> usize {
        1 + self.attempts.len()
    }
}

/// The span of a request's attempt, of which 1 is the first: none has to be kept.
#[must_use]
pub fn attempt_span(request: u64, attempt: u64) -> u64 {
    // Spans must not be 0.
    request.wrapping_add(attempt).max(1)
}

impl RequestTrace {
    /// The trace of a request goes on if a trusted proxy says so, and begins here else.
    pub(super) fn begin(tracer: &Arc<Tracer>, ids: &IdGenerator, parts: &Parts, origin: Origin) -> Self {
        let parent = if origin.is_trusted { received(&parts.headers) } else { None };
        let (trace, sampled) = match parent {
            Some(parent) => (parent.ids.trace, parent.sampled),
            None => {
                let trace = u128::from(ids.draw()) << 64 | u128::from(ids.draw());
                (trace.max(1), ids.draw() <= tracer.threshold && tracer.threshold > 0)
            }
        };
        let request = || {
            // The target's counts, where it has one (RFC 9110 section 7.2).
            let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
            let host = authority.or_else(|| host(&parts.headers).map(HeaderValue::as_bytes)).unwrap_or(b"");
            Box::new(TracedRequest {
                method: parts.method.clone(),
                path: kept(path(parts)),
                host: kept(host),
                origin,
            })
        };
        Self {
            ids: SpanIds { trace, span: ids.draw().max(1) },
            parent: parent.map(|parent| parent.ids.span),
            attempts: 0,
            sampled: sampled.then(request),
            tracer: Arc::clone(tracer),
        }
    }

    pub(super) fn ids(&self) -> SpanIds {
        self.ids
    }

    pub(super) fn begin_attempt(&mut self) {
        self.attempts += 1;
    }

    /// Writes the context of the current attempt.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let ids = SpanIds { span: attempt_span(self.ids.span, self.attempts), ..self.ids };
        let parent = TraceParent { ids, sampled: self.sampled.is_some() };
        // Digits and dashes.
        if let Ok(value) = HeaderValue::try_from(parent.to_string()) {
            headers.insert(&TRACEPARENT, value);
        }
        if self.parent.is_none() {
            // It is about another trace.
            headers.remove(&TRACESTATE);
        }
    }

    pub(super) fn end(self, record: &RequestRecord) {
        let Some(request) = self.sampled else { return };
        let times = &record.times;
        let Some((began, ended)) = times.first_byte.or(times.began).zip(times.ended) else { return };
        let attempts = record.attempts().map(|attempt| FinishedAttempt {
            backend: Arc::clone(attempt.backend.shared()),
            choice: attempt.choice.clone(),
            span: (attempt.began, attempt.began.after(attempt.total)),
            status: attempt.answered.map(|(status, _)| status.as_u16()),
            error: attempt.error,
        });
        let finished = FinishedTrace {
            ids: self.ids,
            parent: self.parent,
            request: *request,
            protocol: record.protocol,
            span: (began, ended),
            status: record.status.map(|status| status.as_u16()),
            error: record.error,
            pool: record.pool.as_ref().map(|pool| Arc::clone(pool.shared())),
            attempts: attempts.collect(),
        };
        let spans = finished.spans();
        if self.tracer.queue.try_send(finished).is_err() {
            self.tracer.count_dropped(spans);
        }
    }
}

/// What the one `traceparent` of a head says.
fn received(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(&TRACEPARENT).iter();
    values.next().filter(|_| values.next().is_none()).and_then(|value| TraceParent::parse(value.as_bytes()))
}

fn kept(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).into_owned()
}
