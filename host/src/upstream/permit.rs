//! Enforces `max_connections` per backend across all workers.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use pointsman_core::backend::Backend;
use pointsman_core::pool::Pool;
use pointsman_core::pool::UpstreamLimits;

use super::Error;
use crate::deadline::Deadline;

/// One of the connections that a backend may have.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    backend: Arc<Backend>,
    pool: Arc<Pool>,
}

impl ConnectionPermit {
    /// A permit for another connection, if there is one.
    pub(super) fn take(backend: &Arc<Backend>, pool: &Arc<Pool>, limits: &UpstreamLimits) -> Option<Self> {
        Self::take_of(limits.connections_of(backend.limits), backend, pool)
    }

    fn take_of(most: u64, backend: &Arc<Backend>, pool: &Arc<Pool>) -> Option<Self> {
        let taken = backend.stats.try_connect(most);
        taken.then(|| Self { backend: Arc::clone(backend), pool: Arc::clone(pool) })
    }

    /// Waits for a permit. A request that has claimed the backend gets one soon: no more requests are in flight than there are
    /// connections, so if all of them exist, some are idle on other workers, which are asked to close them.
    pub(super) async fn wait(
        backend: &Arc<Backend>,
        pool: &Arc<Pool>,
        limits: &UpstreamLimits,
        deadline: &Deadline,
    ) -> Result<Self, Error> {
        let _want = Want::new(backend);
        deadline.set(limits.connect_timeout);
        // A request of a configuration before may have claimed the backend by what that may have now.
        let now = pool.limits_of(&backend.name).map(|limits| pool.capacity().connections_of(limits));
        let most = limits.connections_of(backend.limits).max(now.unwrap_or(0));
        loop {
            let mut freed = pin!(pool.handoff().freed());
            freed.as_mut().enable();
            if let Some(permit) = Self::take_of(most, backend, pool) {
                deadline.clear();
                return Ok(permit);
            }
            pool.handoff().ask();
            poll_fn(|cx| {
                if freed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                deadline.poll(cx).map(|()| Err(Error::ConnectTimeout.unless_capped(deadline)))
            })
            .await?;
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.backend.stats.disconnect();
        if self.backend.stats.connections_wanted() > 0 {
            self.pool.handoff().tell();
        }
    }
}

/// Someone waits for a connection.
struct Want<'a>(&'a Backend);

impl<'a> Want<'a> {
    fn new(backend: &'a Backend) -> Self {
        backend.stats.want_connection();
        Self(backend)
    }
}

impl Drop for Want<'_> {
    fn drop(&mut self) {
        self.0.stats.stop_wanting_connection();
    }
}
