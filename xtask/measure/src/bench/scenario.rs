//! What is measured.

use anyhow::Result;

use super::generator::{Request, Reuse};
use super::speech::Speech;

/// One way of using a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// For `--only`.
    pub(crate) name: &'static str,
    /// In a few words.
    pub(crate) what: &'static str,
    /// Bytes of each response's body.
    pub(crate) download: usize,
    /// Bytes of each request's body.
    pub(crate) upload: usize,
    /// Client connections.
    pub(crate) connections: usize,
    /// Whether a connection serves more than one request.
    pub(crate) reuse: Reuse,
    /// Backends.
    pub(crate) backends: usize,
    /// Workers of the contender; with more than one nothing is pinned.
    pub(crate) workers: usize,
    /// Who takes part.
    pub(crate) field: Field,
    /// What clients speak.
    pub(crate) speech: Speech,
}

impl Scenario {
    /// Whether the contenders have many routes.
    pub(crate) fn has_routes(&self) -> bool {
        self.field == Field::Routed
    }

    /// What is asked for.
    pub(crate) fn request(&self) -> Result<Request> {
        if self.has_routes() {
            return Ok(Request::along_the_last_route(self.download, self.reuse));
        }
        Request::new(self.download, self.upload, self.reuse).spoken(self.speech)
    }
}

/// Who takes part in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Pointsman with its default policy, nginx and HAProxy, all with round robin.
    All,
    /// The same without nginx, which speaks HTTP/2 to backends only for gRPC.
    WithoutNginx,
    /// Pointsman with the native fallback, and with each of its bundled policies.
    Policies,
    /// Pointsman with one feature after the other switched.
    Features,
    /// Pointsman without an access log, and with one of each format.
    Logs,
    /// The same as [`Self::All`]; requests take the last of many routes, with rules and a rewrite.
    Routed,
    /// Pointsman with one route, and with very many.
    Routes,
}

/// The name of the memory measurements, which are no scenario of requests.
pub(crate) const MEMORY: &str = "memory";

/// The name of the look at what requests leave behind.
pub(crate) const GROWTH: &str = "growth";

/// What the others are variations of.
pub(crate) const SMALL: Scenario = Scenario {
    name: "small",
    what: "12-byte responses, 64 connections, 3 backends",
    download: 12,
    upload: 0,
    connections: 64,
    reuse: Reuse::KeepAlive,
    backends: 3,
    workers: 1,
    field: Field::All,
    speech: Speech::HTTP1,
};

/// All scenarios, the most telling first.
pub(crate) const SCENARIOS: [Scenario; 23] = [
    SMALL,
    Scenario {
        name: "policies",
        what: "small, Pointsman without a policy and with each of the bundled",
        field: Field::Policies,
        ..SMALL
    },
    Scenario {
        name: "features",
        what: "small, Pointsman with one thing other than its defaults",
        field: Field::Features,
        ..SMALL
    },
    Scenario {
        name: "logs",
        what: "small, Pointsman without an access log and with one of each format, in a file",
        field: Field::Logs,
        ..SMALL
    },
    Scenario {
        name: "routes",
        what: "small, the last of 20 routes by prefix, which strips it and has 3 rules for header fields",
        field: Field::Routed,
        ..SMALL
    },
    Scenario {
        name: "many-routes",
        what: "small, Pointsman with one route, 5,000 by host, and 100 by regular expression of which the last matches",
        field: Field::Routes,
        ..SMALL
    },
    Scenario { name: "16k", what: "16-KiB responses", download: 16 << 10, ..SMALL },
    Scenario {
        name: "download",
        what: "1-MiB responses, 16 connections",
        download: 1 << 20,
        connections: 16,
        ..SMALL
    },
    Scenario {
        name: "upload",
        what: "1-MiB request bodies, 16 connections",
        upload: 1 << 20,
        connections: 16,
        ..SMALL
    },
    Scenario {
        name: "new-connections",
        what: "a new client connection for each small request",
        reuse: Reuse::NewEachTime,
        ..SMALL
    },
    Scenario { name: "backends-300", what: "small, 300 backends", backends: 300, ..SMALL },
    Scenario { name: "connections-1000", what: "small, 1,000 connections", connections: 1000, ..SMALL },
    Scenario { name: "two-workers", what: "small, two workers, nothing pinned", workers: 2, ..SMALL },
    Scenario { name: "tls-small", what: "small, HTTP/1.1 over TLS", speech: Speech::TLS, ..SMALL },
    Scenario {
        name: "h2-tls-1",
        what: "small, HTTP/2 over TLS, a request at a time on each connection",
        speech: Speech::http2(true, 1),
        ..SMALL
    },
    Scenario {
        name: "h2-tls-32",
        what: "small, HTTP/2 over TLS, 16 connections, 32 streams each",
        connections: 16,
        speech: Speech::http2(true, 32),
        ..SMALL
    },
    Scenario {
        name: "h2-tls-16k",
        what: "16-KiB responses, HTTP/2 over TLS, 16 connections, 32 streams each",
        download: 16 << 10,
        connections: 16,
        speech: Speech::http2(true, 32),
        ..SMALL
    },
    Scenario {
        name: "tls-new",
        what: "a new TLS connection for each small request, full handshakes",
        reuse: Reuse::NewEachTime,
        speech: Speech::TLS,
        ..SMALL
    },
    Scenario {
        name: "h2-clear",
        what: "small, HTTP/2 in clear by prior knowledge, 16 connections, 32 streams each",
        connections: 16,
        speech: Speech::http2(false, 32),
        ..SMALL
    },
    Scenario {
        name: "tls-large",
        what: "1-MiB responses, HTTP/1.1 over TLS, 16 connections",
        download: 1 << 20,
        connections: 16,
        speech: Speech::TLS,
        ..SMALL
    },
    Scenario { name: "to-tls", what: "small, backends over TLS", speech: Speech::TO_TLS, ..SMALL },
    Scenario {
        name: "to-h2",
        what: "small, backends over HTTP/2 in clear",
        speech: Speech::TO_HTTP2,
        field: Field::WithoutNginx,
        ..SMALL
    },
    Scenario {
        name: "grpc",
        what: "unary gRPC calls, 12-byte messages, in clear on both sides, 16 connections, 32 streams each",
        connections: 16,
        speech: Speech::grpc(32),
        ..SMALL
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_has_a_name_of_its_own() {
        let names: BTreeSet<_> =
            SCENARIOS.iter().map(|scenario| scenario.name).chain([MEMORY, GROWTH]).collect();
        assert_eq!(names.len(), SCENARIOS.len() + 2);
    }

    #[test]
    fn every_response_has_place_for_the_backends_report() {
        assert!(SCENARIOS.iter().all(|scenario| scenario.download >= crate::bench::response::REPORT));
    }
}
