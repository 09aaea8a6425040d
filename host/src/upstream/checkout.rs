//! Which connection an exchange uses, and where it goes afterwards.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use pointsman_core::clock::Moment;
use pointsman_core::pool::BackendProtocol;

use super::Error;
use super::claim::Claim;
use super::connection::{Owner, UpstreamConnection};
use super::http2::{SharedConnections, StreamLease};
use super::lease::Lease;
use super::opening::Opened;
use super::permit::ConnectionPermit;
use super::pinned::PinnedConnections;
use crate::deadline::Deadline;
use crate::downstream::ClientConnection;

/// Between two looks whether what was lacking is there: shorter than accepting pauses for, so that a request gets it before another client.
const LOOK: Duration = Duration::from_millis(2);

impl Claim {
    /// A connection that is there and serves any client: the idle one used last, or a stream of one that others use as well.
    pub(super) fn checkout(&self) -> Option<Lease> {
        // What is left from a configuration without PROXY headers names nobody.
        if self.pool.limits().proxy_protocol.is_some() {
            return None;
        }
        match self.shares() {
            Some(shared) => shared.take().map(|slot| Lease::Shared(Box::new(StreamLease::new(slot)))),
            None => self.claimed.idle.take().map(Lease::Unique),
        }
    }

    /// Another connection, which names this client if backends are told, or a stream as soon as there is one.
    pub(super) async fn connect(
        &self,
        client: &ClientConnection,
        deadline: &Deadline,
    ) -> Result<Lease, Error> {
        match self.try_connect(client, deadline).await {
            Err(error) if error.is_our_own() => Box::pin(self.connect_in_want(client, deadline, error)).await,
            connected => connected,
        }
    }

    /// The same while the proxy lacks something, such as a descriptor: what idle connections hold, or others give back within
    /// `connect_timeout`. A client that was just accepted may have taken the last one, and its request isn't to fail for that.
    #[cold]
    async fn connect_in_want(
        &self,
        client: &ClientConnection,
        deadline: &Deadline,
        mut error: Error,
    ) -> Result<Lease, Error> {
        let until = deadline.after(self.pool.limits().connect_timeout);
        while error.is_our_own() {
            if !self.pool.make_room() && !pause(deadline, until).await {
                return Err(error);
            }
            match self.try_connect(client, deadline).await {
                Err(next) => error = next,
                connected => return connected,
            }
        }
        Err(error)
    }

    async fn try_connect(&self, client: &ClientConnection, deadline: &Deadline) -> Result<Lease, Error> {
        if let Some(shared) = self.shares()
            && let Some(lease) = self.share(shared, client, deadline).await?
        {
            return Ok(lease);
        }
        let permit = self.permit(deadline).await?;
        self.open(permit, client, self.pool.limits().protocol, deadline)
            .await
            .map(|opened| self.lease(opened, client))
    }

    /// A stream on a connection that others use as well: one that has room by now, or another one. `None` if the backend turns out to choose
    /// HTTP/1.1.
    ///
    /// One request at a time opens a connection, and the others wait for it: a burst of requests needs only one.
    async fn share(
        &self,
        shared: &Rc<SharedConnections>,
        client: &ClientConnection,
        deadline: &Deadline,
    ) -> Result<Option<Lease>, Error> {
        let until = deadline.after(self.pool.limits().connect_timeout);
        let (before, mut may_open, mut waiting) = (shared.failures(), true, None);
        loop {
            let slot =
                if waiting.is_some() { shared.take_next(self.may_open(shared)) } else { shared.take() };
            if let Some(slot) = slot {
                deadline.clear();
                return Ok(Some(Lease::Shared(Box::new(StreamLease::new(slot)))));
            }
            if shared.chooses_http1() {
                return Ok(None);
            }
            // What has room belongs to those who have waited for longer.
            if may_open && !shared.is_opening() && !shared.has_room() {
                match self.open_for_all(shared, client, deadline).await {
                    Ok(None) => {}
                    Err(error) if shared.is_empty() => {
                        shared.fail(&error);
                        return Err(error);
                    }
                    // There are connections, only without room.
                    Err(_) => may_open = false,
                    opened => return opened,
                }
            }
            waiting.get_or_insert_with(|| shared.wait());
            deadline.set_at(until);
            let mut room = pin!(shared.room().notified());
            poll_fn(|cx| match room.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Ok(())),
                Poll::Pending => deadline.poll(cx).map(|()| Err(Error::NoStream.unless_capped(deadline))),
            })
            .await?;
            if let Some(error) = shared.failure_since(before).filter(|_| shared.is_empty()) {
                return Err(error);
            }
        }
    }

    /// Whether there may be another connection, and nobody is opening it.
    fn may_open(&self, shared: &SharedConnections) -> bool {
        let backend = self.shared_backend();
        let most = self.pool.limits().connections_of(backend.limits);
        !shared.is_opening() && backend.stats.connections() < most
    }

    /// Opens a connection, for this request and for those that wait for one. `None` if there may be no other at the moment.
    async fn open_for_all(
        &self,
        shared: &Rc<SharedConnections>,
        client: &ClientConnection,
        deadline: &Deadline,
    ) -> Result<Option<Lease>, Error> {
        let (backend, pool, limits) = (self.shared_backend(), self.pool.pool(), self.pool.limits());
        let permit = ConnectionPermit::take(backend, pool, limits);
        if permit.is_none() && !shared.is_empty() {
            return Ok(None);
        }
        let _opening = shared.begin_opening();
        let permit = match permit {
            Some(permit) => permit,
            None => ConnectionPermit::wait(backend, pool, limits, deadline).await?,
        };
        self.open(permit, client, limits.protocol, deadline)
            .await
            .map(|opened| Some(self.lease(opened, client)))
    }

    /// A permit for another connection, as soon as there is one.
    async fn permit(&self, deadline: &Deadline) -> Result<ConnectionPermit, Error> {
        let (backend, pool, limits) = (self.shared_backend(), self.pool.pool(), self.pool.limits());
        match ConnectionPermit::take(backend, pool, limits) {
            Some(permit) => Ok(permit),
            None => ConnectionPermit::wait(backend, pool, limits, deadline).await,
        }
    }

    /// The use of a new connection, which others may join if it is one of HTTP/2.
    fn lease(&self, opened: Opened, client: &ClientConnection) -> Lease {
        client.reports.worker().of_backend(self.backend()).connections.add(1);
        match (opened, &self.claimed.shared) {
            (Opened::Http1(connection), shared) => {
                if let Some(shared) = shared {
                    shared.choose_http1();
                }
                Lease::Unique(connection)
            }
            (Opened::Http2(connection, shared), _) => {
                Lease::Shared(Box::new(StreamLease::new(shared.add(connection))))
            }
        }
    }

    /// A connection over HTTP/1 that waits for a request, whatever the backend chooses.
    pub(super) fn checkout_http1(&self) -> Option<Lease> {
        self.claimed.idle.take().map(Lease::Unique)
    }

    /// Another connection over HTTP/1, whatever the backend would choose. What it does choose, where it may, stays known.
    pub(super) async fn connect_over_http1(
        &self,
        client: &ClientConnection,
        deadline: &Deadline,
    ) -> Result<Lease, Error> {
        let permit = self.permit(deadline).await?;
        match self.open(permit, client, BackendProtocol::Http1, deadline).await? {
            Opened::Http1(connection) => {
                client.reports.worker().of_backend(self.backend()).connections.add(1);
                Ok(Lease::Unique(connection))
            }
            // It isn't made over HTTP/2 when it isn't asked for.
            Opened::Http2(..) => Err(Error::NoStream),
        }
    }

    /// What its connections are shared in, unless the backend chooses HTTP/1.1.
    fn shares(&self) -> Option<&Rc<SharedConnections>> {
        self.claimed.shared.as_ref().filter(|shared| !shared.chooses_http1())
    }

    /// Keeps a connection for another request, unless another worker needs its permit: for any client's, or the same client's if
    /// it is its own.
    pub(super) fn checkin(
        &self,
        connection: Box<UpstreamConnection>,
        pinned: &PinnedConnections,
        now: Moment,
    ) {
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

/// Waits for a moment; whether it is over before the deadline.
async fn pause(deadline: &Deadline, until: Moment) -> bool {
    deadline.set_at(until);
    // A timer of its own, as such waits are few and finer than the sweep of the deadlines.
    let mut look = pin!(tokio::time::sleep(LOOK));
    let is_in_time = poll_fn(|cx| match look.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => deadline.poll(cx).map(|()| false),
    });
    let is_in_time = is_in_time.await && !deadline.has_passed();
    deadline.clear();
    is_in_time
}
