//! Which connection an exchange uses, and where it goes afterwards.

use pointsman_core::clock::Moment;

use super::Error;
use super::claim::Claim;
use super::connection::UpstreamConnection;
use super::lease::Lease;
use super::permit::ConnectionPermit;
use super::pinned::PinnedConnections;
use crate::deadline::Deadline;

impl Claim {
    /// The idle connection used last.
    pub(super) fn checkout(&self) -> Option<Lease> {
        self.claimed.idle.take().map(Lease::Unique)
    }

    /// Another connection.
    pub(super) async fn connect(&self, deadline: &Deadline) -> Result<Lease, Error> {
        match self.try_connect(deadline).await {
            // Idle connections hold what it lacks, such as a descriptor.
            Err(error) if error.is_our_own() && self.pool.make_room() => self.try_connect(deadline).await,
            connected => connected,
        }
    }

    async fn try_connect(&self, deadline: &Deadline) -> Result<Lease, Error> {
        let (backend, pool, limits) = (self.shared_backend(), self.pool.pool(), self.pool.limits());
        let permit = match ConnectionPermit::take(backend, pool, limits) {
            Some(permit) => permit,
            None => ConnectionPermit::wait(backend, pool, limits, deadline).await?,
        };
        UpstreamConnection::open(self.pool.connector(), backend.address, permit, limits, deadline)
            .await
            .map(Lease::Unique)
    }

    /// Keeps a connection for another request, unless another worker needs its permit: for any client's, or the same client's if
    /// it is pinned.
    pub(super) fn checkin(&self, lease: Lease, pinned: &PinnedConnections, now: Moment) {
        let Lease::Unique(connection) = lease;
        if self.shared_backend().stats.connections_wanted() > 0 {
            return;
        }
        if connection.pinned {
            pinned.keep(self, connection);
        } else {
            self.claimed.idle.put(connection, now);
        }
    }
}
