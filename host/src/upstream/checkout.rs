//! Which connection an exchange uses, and where it goes afterwards.

use pointsman_core::clock::Moment;
use pointsman_core::pool::BackendProtocol;

use super::Error;
use super::claim::Claim;
use super::connection::{Owner, UpstreamConnection};
use super::connector::Destination;
use super::lease::Lease;
use super::permit::ConnectionPermit;
use super::pinned::PinnedConnections;
use crate::deadline::Deadline;
use crate::downstream::ClientConnection;
use crate::proxy_protocol::{Addresses, naming};

impl Claim {
    /// The idle connection used last of those that serve any client.
    pub(super) fn checkout(&self) -> Option<Lease> {
        // What is left from a configuration without PROXY headers names nobody.
        if self.pool.limits().proxy_protocol.is_some() {
            return None;
        }
        self.claimed.idle.take().map(Lease::Unique)
    }

    /// Another connection, which names this client if backends are told.
    pub(super) async fn connect(
        &self,
        client: &ClientConnection,
        deadline: &Deadline,
    ) -> Result<Lease, Error> {
        match self.try_connect(client, deadline).await {
            // Idle connections hold what it lacks, such as a descriptor.
            Err(error) if error.is_our_own() && self.pool.make_room() => {
                self.try_connect(client, deadline).await
            }
            connected => connected,
        }
    }

    async fn try_connect(&self, client: &ClientConnection, deadline: &Deadline) -> Result<Lease, Error> {
        let (backend, pool, limits) = (self.shared_backend(), self.pool.pool(), self.pool.limits());
        let permit = match ConnectionPermit::take(backend, pool, limits) {
            Some(permit) => permit,
            None => ConnectionPermit::wait(backend, pool, limits, deadline).await?,
        };
        let addresses = || Addresses::new(client.peer, client.local);
        let header = limits.proxy_protocol.map(|version| naming(version, addresses()));
        let (address, host, tls) = (backend.address, backend.host.as_deref(), self.pool.tls());
        let to = Destination { address, host, header, tls, protocol: BackendProtocol::Http1 };
        let opened = UpstreamConnection::open(self.pool.connector(), &to, permit, limits, deadline).await;
        if let Err(Error::Tls(error)) = &opened {
            let (pool, backend) = (&*pool.name, &*backend.name);
            tracing::warn!(
                event = "backend-tls-failed", pool, backend, %address, %error,
                "the TLS handshake with a backend failed"
            );
        }
        opened.map(Lease::Unique)
    }

    /// Keeps a connection for another request, unless another worker needs its permit: for any client's, or the same client's if
    /// it is its own.
    pub(super) fn checkin(&self, lease: Lease, pinned: &PinnedConnections, now: Moment) {
        let Lease::Unique(connection) = lease;
        if self.shared_backend().stats.connections_wanted() > 0 {
            return;
        }
        if connection.owner == Owner::Anybody {
            self.claimed.idle.put(connection, now);
        } else {
            pinned.keep(self, connection, now);
        }
    }
}
