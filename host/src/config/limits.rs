//! Timeouts and limits of `[pool.NAME]`, `[pool.NAME.queue]` and `[pool.NAME.retry]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use pointsman_core::counts::Bounds;
use pointsman_core::pool::{ExchangeLimits, QueueLimits, RetryLimits, UpstreamLimits};

use super::pool_protocol::protocol;
use super::proxy_protocol::sent;
use super::read::{BODY, HEAD_BYTES, Section, TIMEOUT, Value};
use super::units::{DURATION, milliseconds};

/// Range of `backoff`: a pause longer than this is no retry but a new request.
const BACKOFF: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

/// Range of the header fields of a response: what the map of a response's fields can hold bounds it.
const RESPONSE_HEADERS: RangeInclusive<usize> = 1..=4096;

/// Range of `wait`; 0 is off.
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);

/// Range of what may be in flight to one backend.
pub(super) const IN_FLIGHT: RangeInclusive<u64> = 1..=1_000_000;

/// The limits in a pool's section.
pub(super) fn limits(section: &mut Section<'_>) -> UpstreamLimits {
    let default = UpstreamLimits::default();
    let mut limits = UpstreamLimits {
        latency_bounds: Bounds::default(),
        connect_timeout: section.duration("connect_timeout", default.connect_timeout, TIMEOUT),
        response_timeout: section.duration("response_timeout", default.response_timeout, TIMEOUT),
        idle_timeout: section.duration("idle_timeout", default.idle_timeout, TIMEOUT),
        exchange: exchange(section),
        idle_connections: section.integer("idle_connections", default.idle_connections, 0..=100_000),
        idle_connection_timeout: section.duration(
            "idle_connection_timeout",
            default.idle_connection_timeout,
            TIMEOUT,
        ),
        max_response_header_bytes: section.bytes(
            "max_response_header_bytes",
            default.max_response_header_bytes,
            HEAD_BYTES,
        ),
        max_response_headers: section.integer(
            "max_response_headers",
            default.max_response_headers,
            RESPONSE_HEADERS,
        ),
        max_requests: section.integer("max_requests", default.max_requests, IN_FLIGHT),
        max_connections: section.integer("max_connections", default.max_connections, IN_FLIGHT),
        proxy_protocol: sent(section),
        protocol: default.protocol,
        http2: default.http2,
        queue: default.queue,
        retry: default.retry,
    };
    (limits.protocol, limits.http2) = protocol(section);
    if let Some(queue) = section.get("queue").and_then(|value| queue(&value, limits.exchange.total_timeout)) {
        limits.queue = queue;
    }
    if let Some(retry) = section.get("retry").and_then(|value| retry(&value, &limits)) {
        limits.retry = retry;
    }
    if let Some(total) = limits.exchange.total_timeout {
        let UpstreamLimits { connect_timeout, response_timeout, idle_timeout, .. } = limits;
        for (key, span) in [
            ("connect_timeout", connect_timeout),
            ("response_timeout", response_timeout),
            ("idle_timeout", idle_timeout),
        ] {
            // A default may be longer: it just never fires.
            if section.get(key).is_some() && span > total {
                never_fires(section, key, "total_timeout", total);
            }
        }
    }
    limits
}

/// The limits of single requests in the section of a pool or a route.
pub(super) fn exchange(section: &mut Section<'_>) -> ExchangeLimits {
    ExchangeLimits {
        max_body: section.optional_size("max_body", BODY),
        total_timeout: section.optional_duration("total_timeout", TIMEOUT),
        tunnel_timeout: section.optional_duration("tunnel_timeout", TIMEOUT),
    }
}

fn queue(value: &Value<'_>, total_timeout: Option<Duration>) -> Option<QueueLimits> {
    Section::read(value, "write `[pool.NAME.queue]` above its keys", |section| {
        let default = QueueLimits::default();
        let timeout = section.optional_duration("timeout", TIMEOUT);
        if let Some(total) = total_timeout.filter(|total| timeout > Some(*total)) {
            never_fires(section, "timeout", "total_timeout", total);
        }
        Some(QueueLimits {
            length: section.integer("length", default.length, 0..=100_000),
            timeout: timeout.unwrap_or(default.timeout),
        })
    })
}

fn retry(value: &Value<'_>, limits: &UpstreamLimits) -> Option<RetryLimits> {
    Section::read(value, "write `[pool.NAME.retry]` above its keys", |section| {
        let default = RetryLimits::default();
        let per_try_timeout = section.optional_duration("per_try_timeout", TIMEOUT);
        if per_try_timeout.is_some_and(|per_try| per_try > limits.response_timeout) {
            never_fires(section, "per_try_timeout", "response_timeout", limits.response_timeout);
        } else if let Some(total) =
            limits.exchange.total_timeout.filter(|total| per_try_timeout > Some(*total))
        {
            never_fires(section, "per_try_timeout", "total_timeout", total);
        }
        let wait = section.duration("wait", default.wait, WAIT);
        if let Some(total) = limits.exchange.total_timeout.filter(|total| wait > *total) {
            never_fires(section, "wait", "total_timeout", total);
        }
        Some(RetryLimits {
            attempts: section.integer("attempts", default.attempts, 0..=10),
            statuses: section.get("statuses").map_or_else(Vec::new, |value| statuses(&value)),
            per_try_timeout,
            backoff: section.duration("backoff", default.backoff, BACKOFF),
            body: section.bytes("body", default.body, 0..=1 << 20),
            wait,
            budget_percent: section.integer("budget_percent", default.budget_percent, 0..=100),
            budget_per_second: section.integer("budget_per_second", default.budget_per_second, 0..=100_000),
        })
    })
}

/// Records that a timeout never fires because another one, which is `span`, comes first.
fn never_fires(section: &Section<'_>, key: &str, other: &str, span: Duration) {
    let span = DURATION.show(milliseconds(span));
    let message = format!("never fires: `{other}` is {span}");
    section.fail(key, message, format!("write at most `\"{span}\"`, or raise `{other}`"));
}

/// Statuses of responses that may be given up.
fn statuses(value: &Value<'_>) -> Vec<StatusCode> {
    let items = value.items("write `statuses = [503]`").unwrap_or_default();
    let status = |item: &Value<'_>| StatusCode::from_u16(item.integer(400..=599)?).ok();
    items.iter().filter_map(status).collect()
}
