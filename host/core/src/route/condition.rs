//! What a route demands of a request beside its host and path.

use std::fmt;

use http::header::{HeaderName, UPGRADE};
use http::{Method, Version};
use ipnet::IpNet;

use super::host_pattern::{HostPattern, host_of};
use super::list::Alternatives;
use super::path_pattern::PathPattern;
use super::text_pattern::TextPattern;
use crate::address::Address;
use crate::parameters;
use crate::request::RequestHead;

/// A condition for a request. Of several alternatives one has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The host that is asked for is one of these.
    Host(Vec<HostPattern>),
    /// So is the path, in the form in which paths are compared.
    Path(Vec<PathPattern>),
    /// The method is one of these. `GET` isn't `HEAD`.
    Method(Vec<Method>),
    /// The client speaks one of these.
    Protocol(Vec<Spoken>),
    /// The client speaks TLS to the proxy, or doesn't.
    Tls(bool),
    /// It came in by a listener with one of these addresses, as they are configured.
    Listener(Vec<Address>),
    /// The client's address, which a trusted proxy may have named, is in one of these networks.
    Client(Vec<IpNet>),
    /// A line of this header field matches.
    Header(HeaderName, ValuePattern),
    /// A parameter of the query with this name matches; name and value are compared decoded.
    Query(String, ValuePattern),
    /// A cookie of this name matches, as it was sent.
    Cookie(String, ValuePattern),
    /// Not all of these hold.
    Not(Vec<Self>),
}

/// What is demanded of a value that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePattern {
    /// It is there, whatever it is.
    Present,
    /// It isn't there.
    Absent,
    /// It is there, and one of these matches.
    Text(Vec<TextPattern>),
}

/// A protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// gRPC, which is spoken over HTTP/2.
    Grpc,
    /// It asks to change to the WebSocket protocol.
    WebSocket,
}

/// A request whose route is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) head: &'a RequestHead,
    /// The address of the listener that it came in by, as it is configured.
    pub(super) listener: &'a Address,
    /// The path in the form in which it is compared.
    pub(super) path: &'a [u8],
}

impl Condition {
    /// Whether it holds for a request.
    pub(super) fn holds(&self, candidate: &Candidate<'_>) -> bool {
        let Candidate { head, listener, path } = candidate;
        match self {
            Self::Host(hosts) => {
                let host = host_of(head.authority().unwrap_or_default());
                hosts.iter().any(|pattern| pattern.matches(host))
            }
            Self::Path(paths) => paths.iter().any(|pattern| pattern.matches(path)),
            Self::Method(methods) => methods.contains(&head.parts.method),
            Self::Protocol(spoken) => spoken.iter().any(|spoken| spoken.is_spoken(head)),
            Self::Tls(tls) => head.tls == *tls,
            Self::Listener(listeners) => listeners.contains(listener),
            Self::Client(networks) => {
                let client = head.client.to_canonical();
                networks.iter().any(|network| network.contains(&client))
            }
            Self::Header(name, pattern) => pattern.holds(parameters::of_field(&head.parts.headers, name)),
            Self::Query(name, pattern) => {
                let values = parameters::of_query(head.query().unwrap_or_default(), name.as_bytes());
                pattern.holds(values)
            }
            Self::Cookie(name, pattern) => {
                pattern.holds(parameters::of_cookies(&head.parts.headers, name.as_bytes()))
            }
            Self::Not(conditions) => !conditions.iter().all(|condition| condition.holds(candidate)),
        }
    }

    /// Whether it matters what a request's path is.
    pub(super) fn looks_at_path(&self) -> bool {
        match self {
            Self::Path(_) => true,
            Self::Not(conditions) => conditions.iter().any(Self::looks_at_path),
            _ => false,
        }
    }

    /// The same for paths in another form.
    pub(super) fn with_paths(&self, form: fn(&PathPattern) -> PathPattern) -> Self {
        match self {
            Self::Path(paths) => Self::Path(paths.iter().map(form).collect()),
            Self::Not(conditions) => {
                Self::Not(conditions.iter().map(|condition| condition.with_paths(form)).collect())
            }
            other => other.clone(),
        }
    }
}

impl ValuePattern {
    fn holds<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match self {
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
            Self::Text(patterns) => {
                values.any(|value| patterns.iter().any(|pattern| pattern.matches(value.as_ref())))
            }
        }
    }
}

impl Spoken {
    fn is_spoken(self, head: &RequestHead) -> bool {
        match self {
            Self::Http10 => head.protocol == Version::HTTP_10,
            Self::Http11 => head.protocol == Version::HTTP_11,
            Self::Http2 => head.protocol == Version::HTTP_2,
            Self::Grpc => head.is_call,
            Self::WebSocket => head
                .parts
                .headers
                .get(UPGRADE)
                .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket")),
        }
    }

    /// As it is written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(hosts) => write!(f, "host {}", Alternatives(hosts)),
            Self::Path(paths) => write!(f, "path {}", Alternatives(paths)),
            Self::Method(methods) => write!(f, "method {}", Alternatives(methods)),
            Self::Protocol(spoken) => write!(f, "protocol {}", Alternatives(spoken)),
            Self::Tls(true) => f.write_str("scheme https"),
            Self::Tls(false) => f.write_str("scheme http"),
            Self::Listener(listeners) => write!(f, "listener {}", Alternatives(listeners)),
            Self::Client(networks) => write!(f, "client {}", Alternatives(networks)),
            Self::Header(name, pattern) => write!(f, "header {name}{pattern}"),
            Self::Query(name, pattern) => write!(f, "query {name}{pattern}"),
            Self::Cookie(name, pattern) => write!(f, "cookie {name}{pattern}"),
            Self::Not(conditions) => {
                f.write_str("not (")?;
                for (place, condition) in conditions.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    condition.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => Ok(()),
            Self::Absent => f.write_str(" absent"),
            Self::Text(patterns) => Alternatives(patterns).fmt(f),
        }
    }
}
