//! The client before the proxy, which has one connection.

mod http1;
mod http2;
mod transport;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::backends::PATIENCE;
use crate::certificate::Certificate;
use http1::Http1;
use http2::Http2;
use transport::Transport;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
    /// HTTP/2, with prior knowledge.
    Http2,
    /// HTTP/2 over TLS 1.3.
    Http2Tls,
}

impl Protocol {
    /// Whether it is spoken over TLS.
    pub(crate) fn is_over_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Http2Tls)
    }

    fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2Tls)
    }
}

/// A client with one connection.
pub(crate) enum Client {
    Http1(Http1),
    Http2(Http2),
}

impl Client {
    /// Connects to a proxy, which has this certificate.
    pub(crate) fn connect(
        protocol: Protocol,
        address: SocketAddr,
        certificate: &Certificate,
    ) -> Result<Self> {
        let socket = TcpStream::connect(address).context("cannot connect to the proxy")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let transport: Box<dyn Transport> = if protocol.is_over_tls() {
            let alpn: &[u8] = if protocol.is_http2() { b"h2" } else { b"http/1.1" };
            let name = ServerName::try_from(Certificate::NAME)?;
            let session = ClientConnection::new(Arc::new(certificate.client(alpn)?), name)?;
            Box::new(StreamOwned::new(session, socket))
        } else {
            Box::new(socket)
        };
        Ok(if protocol.is_http2() {
            Self::Http2(Http2::begin(transport)?)
        } else {
            Self::Http1(Http1::new(transport))
        })
    }

    /// Sends a request.
    pub(crate) fn send(&mut self) -> Result<()> {
        match self {
            Self::Http1(client) => client.send(),
            Self::Http2(client) => client.send(),
        }
    }

    /// Waits for the response.
    pub(crate) fn receive(&mut self) -> Result<()> {
        match self {
            Self::Http1(client) => client.receive(),
            Self::Http2(client) => client.receive(),
        }
    }
}
