//! Timeouts and limits of a pool.

use std::time::Duration;

use http::StatusCode;

use super::Capacity;
use crate::backend::BackendLimits;
use crate::counts::Bounds;

/// Limits of a pool. Every one is finite by default.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamLimits {
    /// To a new connection. `connect_timeout`, 1 s.
    pub connect_timeout: Duration,
    /// From the sent request to the response head. `response_timeout`, 30 s.
    pub response_timeout: Duration,
    /// Longest silence within a response body. `idle_timeout`, 60 s.
    pub idle_timeout: Duration,
    /// What the pool says of single requests.
    pub exchange: ExchangeLimits,
    /// Idle connections kept per backend, over all workers. `idle_connections`, 256.
    pub idle_connections: usize,
    /// How long an idle connection is kept. `idle_connection_timeout`, 15 s.
    pub idle_connection_timeout: Duration,
    /// Largest response head, bytes. `max_response_header_bytes`, 64 KiB.
    pub max_response_header_bytes: usize,
    /// Most header fields of a response. `max_response_headers`, 256.
    pub max_response_headers: usize,
    /// Most requests in flight to one backend, over all workers. `max_requests`, 10,000: what a listener lets in.
    pub max_requests: u64,
    /// Most connections to one backend, idle ones included, over all workers. `max_connections`, 10,000.
    pub max_connections: u64,
    /// What connections to backends begin with, to name the client that each of them serves. `proxy_protocol`, none.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What backends are spoken to in. `protocol`, HTTP/1.
    pub protocol: BackendProtocol,
    /// Connections to backends over HTTP/2.
    pub http2: Http2Limits,
    /// Requests that wait while every backend is full.
    pub queue: QueueLimits,
    /// When a request is sent to another backend.
    pub retry: RetryLimits,
    /// Into which buckets times are counted. `latency_buckets` of `[metrics]`. A pool keeps those that it began with.
    pub latency_bounds: Bounds,
}

/// Limits of single requests, as a route or a pool may set them: where neither does, the listener's hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExchangeLimits {
    /// Largest request body, bytes; 0 = any. `max_body`.
    pub max_body: Option<u64>,
    /// From a request's head to the last byte of its response, all attempts included; not for upgraded connections.
    /// `total_timeout`, none.
    pub total_timeout: Option<Duration>,
    /// Longest silence of an upgraded connection, both ways. `tunnel_timeout`.
    pub tunnel_timeout: Option<Duration>,
}

impl ExchangeLimits {
    /// These, and those of the others that these don't say.
    #[inline]
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            max_body: self.max_body.or(others.max_body),
            total_timeout: self.total_timeout.or(others.total_timeout),
            tunnel_timeout: self.tunnel_timeout.or(others.tunnel_timeout),
        }
    }
}

impl UpstreamLimits {
    /// How many requests each backend may have. One needs a connection, or a stream of one if it is certain that the backend speaks HTTP/2.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        let streams = match self.protocol {
            BackendProtocol::Http1 | BackendProtocol::Auto => 1,
            BackendProtocol::H2 => u64::from(self.http2.max_streams),
        };
        Capacity { max_requests: self.max_requests, max_connections: self.max_connections, streams }
    }

    /// Most connections to a backend with these limits.
    #[inline]
    #[must_use]
    pub fn connections_of(&self, backend: BackendLimits) -> u64 {
        self.capacity().connections_of(backend)
    }

    /// How many requests a backend with these limits may have, if the configuration sets a limit: the one by default only guards the proxy
    /// and says nothing of what a backend can do.
    #[must_use]
    pub fn requests_limit(&self, backend: BackendLimits) -> Option<u64> {
        let (limit, nothing) = (self.capacity().of(backend), BackendLimits::default());
        let is_set = backend != nothing || limit != Self::default().capacity().of(nothing);
        is_set.then_some(limit)
    }

    /// Most bytes of a request's body that are kept for another attempt. Over HTTP/2 a backend may say that it hasn't looked at a request,
    /// which can then be sent again whatever its method.
    #[inline]
    #[must_use]
    pub fn kept_body(&self, is_idempotent: bool) -> usize {
        if is_idempotent || self.protocol != BackendProtocol::Http1 { self.retry.body } else { 0 }
    }
}

/// What the backends of a pool are spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendProtocol {
    /// HTTP/1.1. `"http1"`.
    Http1,
    /// HTTP/2: by prior knowledge in clear, by ALPN over TLS. `"h2"`.
    H2,
    /// HTTP/2 or HTTP/1.1, whichever the backend chooses by ALPN. `"auto"`.
    Auto,
}

/// Limits of a connection to a backend over HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Limits {
    /// Most streams at a time, of which the backend may allow fewer. `http2_max_streams`, 100.
    pub max_streams: u32,
    /// What a backend may send of one response before the client takes it, bytes. `http2_stream_window`, 64 KiB.
    pub stream_window: u32,
    /// The same of all responses on a connection, bytes. `http2_connection_window`, `max_streams` times `stream_window`.
    pub connection_window: u32,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self { max_streams: 100, stream_window: 64 << 10, connection_window: 100 * (64 << 10) }
    }
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// `[pool.NAME.queue]`: requests that wait while every eligible backend is full.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueLimits {
    /// Most requests that wait, over all workers; 0 = none waits. `length`, 1,024.
    pub length: u64,
    /// Longest wait. `timeout`, 1 s.
    pub timeout: Duration,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { length: 1_024, timeout: Duration::from_secs(1) }
    }
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            exchange: ExchangeLimits::default(),
            idle_connections: 256,
            idle_connection_timeout: Duration::from_secs(15),
            max_response_header_bytes: 64 << 10,
            max_response_headers: 256,
            max_requests: 10_000,
            max_connections: 10_000,
            proxy_protocol: None,
            protocol: BackendProtocol::Http1,
            http2: Http2Limits::default(),
            queue: QueueLimits::default(),
            retry: RetryLimits::default(),
            latency_bounds: Bounds::default(),
        }
    }
}

/// `[pool.NAME.retry]`: when, and how often, a request is sent to another backend after one has failed it.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryLimits {
    /// Attempts beyond the first; 0 turns retries off. `attempts`, 2.
    pub attempts: u32,
    /// Statuses, 400 to 599, of a response that is given up for another attempt. `statuses`, none.
    pub statuses: Vec<StatusCode>,
    /// In place of `response_timeout` as long as another attempt may follow; never longer. `per_try_timeout`, none.
    pub per_try_timeout: Option<Duration>,
    /// Longest pause before the first retry; doubles with each one. The pause itself is random. `backoff`, 25 ms.
    pub backoff: Duration,
    /// Largest request body kept for another attempt, bytes; 0 keeps none. `body`, 16 KiB.
    pub body: usize,
    /// How long a request may wait for a backend to return when none can be reached. `wait`, 0 = not at all.
    pub wait: Duration,
    /// Retries in relation to requests, percent. `budget_percent`, 20.
    pub budget_percent: u32,
    /// Retries per second that are allowed in any case. `budget_per_second`, 10.
    pub budget_per_second: u32,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts: 2,
            statuses: Vec::new(),
            per_try_timeout: None,
            backoff: Duration::from_millis(25),
            body: 16 << 10,
            wait: Duration::ZERO,
            budget_percent: 20,
            budget_per_second: 10,
        }
    }
}
