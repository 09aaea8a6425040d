//! One client connection, whatever protocol it speaks.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use ipnet::IpNet;
use pointsman_core::address::Address;

use super::keepalive::Keepalive;
use crate::config::DownstreamLimits;
use crate::deadline::{Deadline, Deadlines};
use crate::reports::ListenerReports;
use crate::tls::TlsClient;

/// How the client speaks to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name, as in a URI.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Our end of a client's connection.
#[derive(Debug)]
pub struct LocalEnd {
    /// The listener's address.
    pub address: Address,
    /// The port that the client has connected to: the listener's, or what a PROXY header says; none of a Unix socket.
    pub port: Option<u16>,
}

/// What is known of a client over TLS, and said to it.
#[derive(Debug, Default)]
pub struct OverTls {
    /// What its handshake has said of it.
    pub client: TlsClient,
    /// `Strict-Transport-Security` of responses that have none.
    pub hsts: Option<HeaderValue>,
}

/// What holds for all requests of one client connection.
#[derive(Debug)]
pub struct ClientConnection {
    /// The other end.
    pub peer: SocketAddr,
    /// Our end.
    pub local: LocalEnd,
    /// The peer's address as it stands in `X-Forwarded-For`.
    pub forwarded_for: HeaderValue,
    /// How the client speaks to the proxy.
    pub scheme: Scheme,
    /// What is known and said over TLS.
    pub tls: OverTls,
    /// Limits of the listener.
    pub limits: Arc<DownstreamLimits>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Until the client must have taken something.
    pub send: Deadline,
    /// Where its requests are reported.
    pub reports: Rc<ListenerReports>,
    /// Whether requests are in progress, and how long the connection waits for the next one.
    pub keepalive: Keepalive,
}

impl ClientConnection {
    /// A new connection, which waits for its first request.
    #[must_use]
    pub fn new(
        peer: SocketAddr,
        local: Address,
        scheme: Scheme,
        limits: Arc<DownstreamLimits>,
        trusted_proxies: Arc<[IpNet]>,
        reports: Rc<ListenerReports>,
        deadlines: &Deadlines,
    ) -> Self {
        Self {
            peer,
            local: LocalEnd { port: local.tcp().map(|address| address.port()), address: local },
            forwarded_for: forwarded_for(peer.ip().to_canonical()),
            scheme,
            tls: OverTls::default(),
            send: deadlines.deadline(),
            keepalive: Keepalive::new(&limits, deadlines),
            limits,
            trusted_proxies,
            reports,
        }
    }

    /// The same over TLS, with what is known and said there.
    #[must_use]
    pub fn over_tls(self, tls: OverTls) -> Self {
        Self { scheme: Scheme::Https, tls, ..self }
    }
}

/// An address as a field's value.
fn forwarded_for(address: IpAddr) -> HeaderValue {
    let value = match address {
        // The usual case, for each connection: without the machinery of `fmt`.
        IpAddr::V4(address) => {
            let (mut text, mut length) = ([b'.'; 15], 0);
            for octet in address.octets() {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(octet).as_bytes();
                text[length..length + digits.len()].copy_from_slice(digits);
                length += digits.len() + 1;
            }
            HeaderValue::from_bytes(&text[..length - 1])
        }
        IpAddr::V6(address) => HeaderValue::from_str(&address.to_string()),
    };
    // An address is made of digits, dots and colons.
    value.unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_forwarded_as_it_is_written() {
        let written = ["0.0.0.0", "127.0.0.1", "192.0.2.33", "255.255.255.255", "::1", "2001:db8::ff:0:1"];
        for written in written {
            assert_eq!(forwarded_for(written.parse().unwrap()), written);
        }
    }
}
