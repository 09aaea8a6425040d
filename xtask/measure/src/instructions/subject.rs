//! What is counted.

use super::client::Protocol;
use crate::bench::POLICIES;

/// What clients speak beside HTTP/1.1 in clear, counted with one policy.
const PROTOCOLS: [Subject; 3] = [
    Subject { protocol: Protocol::Tls, ..Subject::of("tls", "round-robin") },
    Subject { protocol: Protocol::Http2, ..Subject::of("http2", "round-robin") },
    Subject { protocol: Protocol::Http2Tls, ..Subject::of("http2-tls", "round-robin") },
];

/// The formats of the access log, which the others don't write, counted with one policy.
const LOGS: [Subject; 2] = [
    Subject { log: Some("text"), ..Subject::of("text-log", "round-robin") },
    Subject { log: Some("json"), ..Subject::of("json-log", "round-robin") },
];

/// One way of using the proxy, whose requests are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// As it stands on record.
    pub(super) name: &'static str,
    pub(super) policy: &'static str,
    pub(super) protocol: Protocol,
    /// The format in which requests are logged, if they are.
    pub(super) log: Option<&'static str>,
}

impl Subject {
    const fn of(name: &'static str, policy: &'static str) -> Self {
        Self { name, policy, protocol: Protocol::Http1, log: None }
    }

    /// All that are counted: each bundled policy, then each protocol and each log with one of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let policies = POLICIES.iter().map(|policy| Self::of(policy, policy));
        policies.chain(PROTOCOLS).chain(LOGS)
    }
}
