//! Another connection to a backend.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use pointsman_core::clock::Clock;
use pointsman_core::pool::BackendProtocol;

use super::Error;
use super::claim::Claim;
use super::connection::{Owner, UpstreamConnection};
use super::connector::Destination;
use super::http2::{Http2Connection, SharedConnections};
use super::permit::ConnectionPermit;
use crate::deadline::Deadline;
use crate::downstream::ClientConnection;
use crate::proxy_protocol::{Addresses, naming};
use crate::stream::Stream;

/// A new connection.
#[derive(Debug)]
pub(super) enum Opened {
    /// Over HTTP/1, for one exchange at a time.
    Http1(Box<UpstreamConnection>),
    /// Over HTTP/2, for many; and where it belongs.
    Http2(Rc<Http2Connection>, Rc<SharedConnections>),
}

impl Claim {
    /// Connects within `connect_timeout`, for this protocol. A connection with a PROXY header names this client, and serves it only.
    pub(super) async fn open(
        &self,
        permit: ConnectionPermit,
        client: &ClientConnection,
        protocol: BackendProtocol,
        deadline: &Deadline,
    ) -> Result<Opened, Error> {
        deadline.set(self.pool.limits().connect_timeout);
        let mut opening = pin!(self.connect_and_greet(permit, client, protocol, deadline.clock()));
        let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => Poll::Ready(opened),
            Poll::Pending => deadline.poll(cx).map(|()| Err(Error::ConnectTimeout.unless_capped(deadline))),
        });
        let opened = opened.await;
        deadline.clear();
        if let Err(error) = &opened {
            if let Error::Tls(error) = error {
                self.pool.pool().counts.fail_tls(error.failure);
            }
            self.log(error);
        }
        opened
    }

    async fn connect_and_greet(
        &self,
        permit: ConnectionPermit,
        client: &ClientConnection,
        protocol: BackendProtocol,
        clock: Clock,
    ) -> Result<Opened, Error> {
        let (backend, limits) = (self.shared_backend(), self.pool.limits());
        let header = limits
            .proxy_protocol
            .map(|version| naming(version, Addresses::new(client.peer, client.local.address.ends_at())));
        let owner = if header.is_some() { Owner::Named } else { Owner::Anybody };
        let (address, host, tls) = (&backend.address, backend.host.as_deref(), self.pool.tls());
        let to = Destination { address, host, header, tls, protocol };
        let stream = self.pool.connector().connect(&to).await?;
        let is_http2 = match protocol {
            BackendProtocol::Http1 => false,
            BackendProtocol::H2 => true,
            BackendProtocol::Auto => matches!(&stream, Stream::Tls(stream) if stream.agreed_on_http2()),
        };
        match &self.claimed.shared {
            Some(shared) if is_http2 => {
                let connection =
                    Http2Connection::open(stream, limits, permit, Rc::clone(shared.room()), clock).await?;
                Ok(Opened::Http2(connection, Rc::clone(shared)))
            }
            _ => UpstreamConnection::over(stream, owner, permit, limits).await.map(Opened::Http1),
        }
    }

    fn log(&self, error: &Error) {
        let (pool, backend) = (&*self.pool.pool().name, &*self.shared_backend().name);
        let address = &self.shared_backend().address;
        match error {
            Error::Tls(error) => tracing::warn!(
                event = "backend-tls-failed", pool, backend, %address, %error,
                "the TLS handshake with a backend failed"
            ),
            Error::NotHttp2(_) => tracing::warn!(
                event = "backend-protocol-failed", pool, backend, %address, %error,
                "a backend that is to speak HTTP/2 doesn't"
            ),
            _ => {}
        }
    }
}
