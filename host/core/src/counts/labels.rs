//! The values of the label `error`: fixed lists, so that clients can't add any.

/// Why a request comes to no pool: it is refused before it is one, or belongs to none.
pub const REFUSALS: [&str; 19] = [
    "malformed-head",
    "bare-lf",
    "malformed-target",
    "uri-too-long",
    "head-too-large",
    "too-many-headers",
    "version",
    "method",
    "host",
    "content-length",
    "transfer-encoding",
    "conflicting-length",
    "expectation",
    "malformed-chunk",
    "body-too-large",
    "request-timeout",
    "no-route",
    "odd-path",
    "loop",
];

/// Why a request of a pool fails: what may still be refused of it behind its head, then the faults of policy, queue and backends.
pub const ERRORS: [&str; 28] = [
    "malformed-chunk",
    "body-too-large",
    "request-timeout",
    "no-backend",
    "queue-full",
    "queue-timeout",
    "policy-reject",
    "policy-fault",
    "connect-failed",
    "tls-failed",
    "not-http2",
    "no-stream",
    "stream-refused",
    "connect-timeout",
    "upstream-reset",
    "response-timeout",
    "per-try-timeout",
    "idle-timeout",
    "total-timeout",
    "response-head-too-large",
    "too-many-response-headers",
    "too-many-interim-responses",
    "bad-response",
    "unwanted-upgrade",
    "early-upgrade",
    "websocket-accept",
    "client-stalled",
    "client-abort",
];

/// The place of a label in a list.
pub(super) fn place(list: &[&str], label: &str) -> Option<usize> {
    list.iter().position(|known| *known == label)
}
