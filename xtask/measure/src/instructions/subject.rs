//! What is counted.

use super::client::Protocol;
use super::routes::Routes;
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

/// What routes cost, counted with one policy.
const ROUTES: [Subject; 1] = [Subject { routes: Routes::Prefixes, ..Subject::of("routes", "round-robin") }];

/// Likewise, but not on record: what compiles and runs regular expressions isn't optimised in what is counted. For a release build.
const MORE_ROUTES: [Subject; 2] = [
    Subject { routes: Routes::Hosts, ..Subject::of("hosts-5000", "round-robin") },
    Subject { routes: Routes::Expressions, ..Subject::of("regex-100", "round-robin") },
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
    pub(super) routes: Routes,
}

impl Subject {
    const fn of(name: &'static str, policy: &'static str) -> Self {
        Self { name, policy, protocol: Protocol::Http1, log: None, routes: Routes::One }
    }

    /// All that are on record: each bundled policy, then each protocol, each log, and routes with one of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let policies = POLICIES.iter().map(|policy| Self::of(policy, policy));
        policies.chain(PROTOCOLS).chain(LOGS).chain(ROUTES)
    }

    /// The one of this name, on record or not.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::all().chain(MORE_ROUTES).find(|subject| subject.name == name)
    }
}
