//! One connection of the load generator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use super::dialect::Dialect;
use super::http1::Http1;
use super::http2::Http2;
use super::request::Request;
use super::step::Step;
use crate::bench::negotiated::Negotiated;
use crate::bench::transport::Transport;

#[derive(Debug)]
pub(super) enum Connection {
    /// One request at a time.
    Http1(Http1),
    /// Several.
    Http2(Http2),
}

impl Connection {
    /// Opens one without waiting, `from` an address if it matters which.
    pub(super) fn open(address: SocketAddr, from: Option<Ipv4Addr>, dialect: &Dialect) -> io::Result<Self> {
        let transport = Transport::open(address, from, dialect.tls.as_ref())?;
        Ok(if dialect.speech.is_http2() {
            Self::Http2(Http2::new(transport, dialect.speech.is_grpc()))
        } else {
            Self::Http1(Http1::new(transport))
        })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        self.transport().stream()
    }

    pub(super) fn negotiated(&self) -> Option<Negotiated> {
        self.transport().negotiated()
    }

    fn transport(&self) -> &Transport {
        match self {
            Self::Http1(connection) => connection.transport(),
            Self::Http2(connection) => connection.transport(),
        }
    }

    /// Gives it a request.
    pub(super) fn begin(&mut self, request: &Request, due: Instant, now: Instant) {
        match self {
            Self::Http1(connection) => connection.begin(due, now),
            Self::Http2(connection) => connection.begin(request, due, now),
        }
    }

    /// Sends as much of its requests as the socket takes.
    pub(super) fn send(&mut self, request: &Request) -> Step {
        match self {
            Self::Http1(connection) => connection.send(request),
            Self::Http2(connection) => connection.send(),
        }
    }

    /// Sends and reads what can be. `ended`: the peer has sent its last byte.
    pub(super) fn go_on(&mut self, ended: bool, request: &Request, buffer: &mut [u8]) -> Step {
        match self {
            Self::Http1(connection) => connection.go_on(ended, request, buffer),
            Self::Http2(connection) => connection.go_on(ended, buffer),
        }
    }

    /// Requests under way.
    pub(super) fn in_flight(&self) -> usize {
        match self {
            Self::Http1(connection) => usize::from(connection.is_busy()),
            Self::Http2(connection) => connection.in_flight(),
        }
    }

    /// When its oldest request was sent; without one, its last.
    pub(super) fn since(&self) -> Instant {
        match self {
            Self::Http1(connection) => connection.since(),
            Self::Http2(connection) => connection.since(),
        }
    }
}
