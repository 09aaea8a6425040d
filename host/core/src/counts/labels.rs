//! The values of the label `error`: fixed lists, so that clients can't add any.

/// Why a request comes to no pool: it is refused before it is one, or belongs to none.
pub const REFUSALS: [&str; 20] = [
    "malformed-head",
    "unexpected-proxy-header",
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

/// Why a request of a pool fails: what may still be refused of it behind its head, then limits, then the faults of policy, queue and backends.
pub const ERRORS: [&str; 31] = [
    "malformed-chunk",
    "body-too-large",
    "request-timeout",
    "rate-limited",
    "concurrency-limited",
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
    "compression-failed",
    "client-stalled",
    "client-abort",
];

/// Codes with which streams of HTTP/2 are reset, by number (RFC 9113 section 7); the last is for all others.
pub const RESET_CODES: [&str; 15] = [
    "no-error",
    "protocol-error",
    "internal-error",
    "flow-control-error",
    "settings-timeout",
    "stream-closed",
    "frame-size-error",
    "refused-stream",
    "cancel",
    "compression-error",
    "connect-error",
    "enhance-your-calm",
    "inadequate-security",
    "http-1-1-required",
    "other",
];

/// Why the proxy sends a GOAWAY: it wants to end, or the client has gone too far.
pub const GOAWAYS: [&str; 18] = [
    "drain",
    "age",
    "requests",
    "idle",
    "room",
    "rapid-reset",
    "protocol-error",
    "no-settings",
    "preface-timeout",
    "header-timeout",
    "continuation-flood",
    "empty-data-flood",
    "priority-flood",
    "reset-flood",
    "settings-flood",
    "ping-flood",
    "window-update-flood",
    "unknown-frame-flood",
];

/// How calls of gRPC end, by number. What is no status of gRPC is UNKNOWN, as it is for its clients.
pub const CALL_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The place of a label in a list.
pub(super) fn place(list: &[&str], label: &str) -> Option<usize> {
    list.iter().position(|known| *known == label)
}
