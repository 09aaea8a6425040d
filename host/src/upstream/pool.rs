//! A pool as one worker sees it: its backends, and this worker's connections to them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use pointsman_core::backend::{Backend, BackendIndex, TopologyGeneration};
use pointsman_core::clock::Moment;
use pointsman_core::local::Local;
use pointsman_core::pool::{BackendProtocol, Pool, UpstreamLimits};
use pointsman_core::topology::Topology;
use tokio::task::AbortHandle;

use super::connector::Connector;
use super::http2::SharedConnections;
use super::idle::IdleConnections;
use crate::compression::{Compression, Offer};
use crate::config::CompressionConfig;
use crate::sticky::{Sticky, StickySettings};
use crate::tls::BackendTls;

/// A pool with one worker's connections, and the limits of one configuration.
#[derive(Debug)]
pub struct WorkerPool {
    pool: Local<Pool>,
    limits: Arc<UpstreamLimits>,
    /// What connections to the backends are made over; without it, they are in clear.
    tls: Option<Arc<BackendTls>>,
    /// How responses are compressed, if they are.
    compression: Option<Compression>,
    /// How clients come back to their backends, if they do.
    sticky: Option<Sticky>,
    connector: Connector,
    backends: RefCell<Backends>,
    /// Idle connections kept per backend by this worker: its share of the pool's limit.
    idle_limit: usize,
    /// What closes idle connections that another worker needs; ends with the pool.
    yielding: OnceCell<AbortHandle>,
}

/// The backends of a topology, in their places.
#[derive(Debug, Default)]
struct Backends {
    generation: Option<TopologyGeneration>,
    all: Vec<Rc<WorkerBackend>>,
}

/// A backend as one worker sees it.
#[derive(Debug)]
pub(super) struct WorkerBackend {
    pub(super) backend: Local<Backend>,
    pub(super) idle: Rc<IdleConnections>,
    /// Those over HTTP/2, if the backend may speak it.
    pub(super) shared: Option<Rc<SharedConnections>>,
}

impl WorkerPool {
    /// A pool without connections, on one of `workers`.
    #[must_use]
    pub fn new(
        pool: Arc<Pool>,
        limits: Arc<UpstreamLimits>,
        tls: Option<Arc<BackendTls>>,
        workers: usize,
    ) -> Self {
        Self {
            pool: Local::new(pool),
            idle_limit: match limits.proxy_protocol {
                None => limits.idle_connections.div_ceil(workers.max(1)),
                // Each is one client's.
                Some(_) => 0,
            },
            limits,
            tls,
            compression: None,
            sticky: None,
            connector: Connector::default(),
            backends: RefCell::default(),
            yielding: OnceCell::new(),
        }
    }

    /// Has responses compressed like that.
    #[must_use]
    pub fn with_compression(mut self, compression: Option<Compression>) -> Self {
        self.compression = compression;
        self
    }

    /// How the response to this request may be compressed, if responses are.
    #[must_use]
    pub fn offer(&self, request: &Parts) -> Option<Box<Offer>> {
        self.compression.as_ref().map(|compression| Box::new(compression.offer(request)))
    }

    /// Whether responses are compressed like that.
    #[must_use]
    pub fn compresses(&self, config: Option<&Arc<CompressionConfig>>) -> bool {
        self.compression.as_ref().map(Compression::config) == config
    }

    /// Has clients come back to their backends like that.
    #[must_use]
    pub fn with_sticky(mut self, settings: Option<Arc<StickySettings>>) -> Self {
        self.sticky = settings.map(|settings| Sticky::new(settings, &self.pool.shared().name));
        self
    }

    /// How clients come back to their backends, if they do.
    #[inline]
    #[must_use]
    pub fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// Whether clients come back like that.
    #[must_use]
    pub fn sticks(&self, settings: Option<&Arc<StickySettings>>) -> bool {
        self.sticky.as_ref().map(Sticky::settings) == settings
    }

    /// Connects by other means.
    #[cfg(test)]
    pub(crate) fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// What connects to the backends.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// What connections to the backends are made over; without it, they are in clear.
    pub(super) fn tls(&self) -> Option<&Arc<BackendTls>> {
        self.tls.as_ref()
    }

    /// Takes over the idle connections of the pool in whose place this one comes. Both share them from now on: what is
    /// in flight there ends here. Connections that were made in clear, or over TLS with other settings, or for another protocol, stay
    /// behind.
    #[must_use]
    pub fn after(self, old: &Self) -> Self {
        let protocol = |pool: &Self| (pool.limits.protocol, pool.limits.http2);
        if !is_same_tls(self.tls(), old.tls()) || protocol(&self) != protocol(old) {
            return self;
        }
        self.backends.borrow_mut().all.clone_from(&old.backends.borrow().all);
        self
    }

    /// Whether this is the pool, with these limits and this TLS.
    #[must_use]
    pub fn is(&self, pool: &Arc<Pool>, limits: &Arc<UpstreamLimits>, tls: Option<&Arc<BackendTls>>) -> bool {
        Arc::ptr_eq(self.pool.shared(), pool)
            && Arc::ptr_eq(&self.limits, limits)
            && is_same_tls(self.tls(), tls)
    }

    /// The pool that all workers share.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        self.pool.shared()
    }

    /// The same, as this worker holds it.
    #[must_use]
    pub fn local_pool(&self) -> &Local<Pool> {
        &self.pool
    }

    /// Timeouts and limits towards the backends.
    #[must_use]
    pub fn limits(&self) -> &UpstreamLimits {
        &self.limits
    }

    /// The backend at an index of a topology.
    pub(super) fn backend(&self, topology: &Topology, index: BackendIndex) -> Option<Rc<WorkerBackend>> {
        self.follow(topology);
        self.backends.borrow().all.get(index.get()).map(Rc::clone)
    }

    /// The backend at an index of a topology that isn't that of the pool any more.
    pub(super) fn past_backend(&self, topology: &Topology, index: BackendIndex) -> Option<Rc<WorkerBackend>> {
        let backend = topology.get(index)?;
        let backends = self.backends.borrow();
        let known = backends.all.iter().find(|known| known.backend.shared().name == backend.name);
        Some(Rc::new(self.adopt(backend, known)))
    }

    /// Takes on the backends of a topology, and closes what is idle to those that aren't in it.
    pub fn follow(&self, topology: &Topology) {
        let mut backends = self.backends.borrow_mut();
        if backends.generation != Some(topology.generation()) {
            let kept = std::mem::take(&mut backends.all);
            // By name: with thousands of backends, a search for each would hold the worker up.
            let kept: HashMap<&str, &Rc<WorkerBackend>> =
                kept.iter().map(|kept| (&*kept.backend.shared().name, kept)).collect();
            backends.generation = Some(topology.generation());
            backends.all = topology
                .backends()
                .iter()
                .map(|backend| Rc::new(self.adopt(backend, kept.get(&*backend.name).copied())))
                .collect();
        }
    }

    /// Connections outlive a topology as long as their backend keeps its name and address, and its host, which may have been verified.
    fn adopt(&self, backend: &Arc<Backend>, known: Option<&Rc<WorkerBackend>>) -> WorkerBackend {
        let known = known.filter(|old| is_same_place(old.backend.shared(), backend));
        let idle = known.map_or_else(
            || Rc::new(IdleConnections::new(self.idle_limit, Arc::clone(&backend.stats))),
            |old| Rc::clone(&old.idle),
        );
        idle.set_limit(self.idle_limit);
        let may_share = self.limits.protocol != BackendProtocol::Http1;
        let shared = may_share.then(|| match known.and_then(|old| old.shared.as_ref()) {
            Some(shared) => Rc::clone(shared),
            None => Rc::new(SharedConnections::new(backend, self.idle_limit)),
        });
        if let Some(shared) = &shared {
            shared.set_idle_limit(self.idle_limit);
        }
        WorkerBackend { backend: Local::new(Arc::clone(backend)), idle, shared }
    }

    /// From now on closes idle connections whenever another worker needs their places. Needs the worker's event loop.
    pub fn yield_connections(self: &Rc<Self>) {
        let (this, pool) = (Rc::downgrade(self), Arc::clone(self.pool.shared()));
        let task = tokio::task::spawn_local(async move {
            loop {
                let mut asked = pin!(pool.handoff().asked());
                asked.as_mut().enable();
                let Some(this) = this.upgrade() else { return };
                this.close_wanted();
                drop(this);
                asked.await;
            }
        });
        // It is called once.
        let _ = self.yielding.set(task.abort_handle());
    }

    fn close_wanted(&self) {
        for WorkerBackend { backend, idle, shared } in self.backends.borrow().all.iter().map(Rc::as_ref) {
            let wanted = backend.shared().stats.connections_wanted();
            if wanted > 0 {
                let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
                let closed = idle.close(wanted);
                if let Some(shared) = shared {
                    shared.give_up(wanted - closed);
                }
            }
        }
    }

    /// Closes connections that have been idle for too long, or for `longest`, or that their backend has closed.
    pub fn prune(&self, now: Moment, longest: Duration) {
        let timeout = self.limits.idle_connection_timeout.min(longest);
        for backend in &self.backends.borrow().all {
            backend.idle.prune(now, timeout);
            if let Some(shared) = &backend.shared {
                shared.prune(now, timeout);
            }
        }
    }

    /// Closes the least recently used idle connection of each backend, so that another one can be opened. Returns whether there
    /// was any.
    pub(super) fn make_room(&self) -> bool {
        let close = |backend: &Rc<WorkerBackend>| {
            let shared = backend.shared.as_ref().map_or(0, |shared| shared.close_idle(1));
            backend.idle.close(1) + shared
        };
        self.backends.borrow().all.iter().map(close).sum::<usize>() > 0
    }
}

/// Whether connections that were made over the one are as good as those over the other.
pub(super) fn is_same_tls(one: Option<&Arc<BackendTls>>, other: Option<&Arc<BackendTls>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Whether connections to the one are connections to the other.
pub(super) fn is_same_place(one: &Backend, other: &Backend) -> bool {
    one.address == other.address && one.host == other.host
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        if let Some(task) = self.yielding.get() {
            task.abort();
        }
    }
}
