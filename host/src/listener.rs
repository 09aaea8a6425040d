//! Sockets that clients connect to.

mod connections;
mod idle;
mod inherited;
mod worker_idle;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use ipnet::IpNet;
use pointsman_core::counts::ListenerCounts;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

pub use connections::{ConnectionLimit, ConnectionPermit};
pub use idle::{Awaited, IdleClients, IdlePosition};
pub use inherited::{Inherited, Role};

use crate::config::{DownstreamLimits, ListenerConfig};
use crate::proxy_protocol::ExpectedHeader;
use crate::tls::ListenerTls;

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4096;

/// A listener, as its sockets on all workers share it.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The address that is bound; the port is never 0.
    pub address: SocketAddr,
    /// Limits on what clients send and how slowly.
    pub limits: Arc<DownstreamLimits>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// What handshakes are made with; none if clients speak in clear.
    pub tls: Option<Arc<ListenerTls>>,
    /// The headers that connections begin with; none if they begin with their clients' first bytes.
    pub proxy_protocol: Option<ExpectedHeader>,
    /// The limit of its connections. It stays the same object for as long as the listener exists.
    pub connections: Arc<ConnectionLimit>,
    /// What is counted of it. It stays the same object, too.
    pub counts: Arc<ListenerCounts>,
}

/// An address can't be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", hint(source))]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (another process has it; stop that one or choose another port)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        io::ErrorKind::AddrNotAvailable => " (no interface of this machine has this address)",
        _ => "",
    }
}

impl Listener {
    /// Binds one socket for each worker, so that the kernel spreads connections over them (`SO_REUSEPORT`). Sockets that
    /// are `inherited` are taken as they are. `own` are the addresses that this process listens on already.
    ///
    /// # Errors
    ///
    /// The address can't be bound; also if another process shares it with `SO_REUSEPORT`, which would silently take
    /// a part of the traffic.
    pub fn bind(
        config: &ListenerConfig,
        tls: Option<Arc<ListenerTls>>,
        workers: usize,
        inherited: Vec<TcpListener>,
        own: &[SocketAddr],
    ) -> Result<(Self, Vec<TcpListener>), BindError> {
        let error = |source| BindError { address: config.address, source };
        let sockets = if inherited.is_empty() {
            // An overlapping address of this process, such as a wildcard that is replaced, is no conflict.
            let alone = own.iter().all(|own| own.port() != config.address.port());
            bind_all(config.address, workers, alone).map_err(error)?
        } else {
            inherited.iter().try_for_each(prepare).map_err(error)?;
            inherited
        };
        let address = sockets.first().map_or(Ok(config.address), TcpListener::local_addr).map_err(error)?;
        let kept = (Arc::new(ConnectionLimit::new(config.limits.max_connections)), Arc::default());
        Ok((Self::on(address, kept, config, tls, None), sockets))
    }

    /// The same listener with other settings for new connections. The limit of their number is changed by [`ConnectionLimit::set`].
    #[must_use]
    pub fn with(&self, config: &ListenerConfig, tls: Option<Arc<ListenerTls>>) -> Self {
        let before = self.proxy_protocol.as_ref();
        let kept = (Arc::clone(&self.connections), Arc::clone(&self.counts));
        Self::on(self.address, kept, config, tls, before)
    }

    fn on(
        address: SocketAddr,
        (connections, counts): (Arc<ConnectionLimit>, Arc<ListenerCounts>),
        config: &ListenerConfig,
        tls: Option<Arc<ListenerTls>>,
        before: Option<&ExpectedHeader>,
    ) -> Self {
        let limits = Arc::new(config.limits.clone());
        let trusted_proxies = config.trusted_proxies.as_slice().into();
        let proxy_protocol = config.proxy_protocol.as_ref();
        let proxy_protocol = proxy_protocol.map(|config| ExpectedHeader::new(config, before));
        Self { address, limits, trusted_proxies, tls, proxy_protocol, connections, counts }
    }
}

/// Each worker's share of a listener's sockets. If there are fewer sockets than workers, several accept from one.
///
/// # Errors
///
/// The process has run out of file descriptors.
pub fn shares(sockets: &[TcpListener], workers: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let share = |worker: usize| {
        let own = sockets.iter().skip(worker).step_by(workers.max(1));
        let shared = sockets.iter().cycle().skip(worker).take(usize::from(worker >= sockets.len()));
        own.chain(shared).map(TcpListener::try_clone).collect()
    };
    (0..workers).map(share).collect()
}

/// Sets the options on an inherited socket that are set on those bound here.
fn prepare(socket: &TcpListener) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    SockRef::from(socket).set_tcp_nodelay(true)
}

fn bind_all(mut address: SocketAddr, workers: usize, alone: bool) -> io::Result<Vec<TcpListener>> {
    if alone && address.port() != 0 {
        // Fails if any process has the address, also with SO_REUSEPORT.
        drop(bind_one(address, false)?);
    }
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = bind_one(address, true)?;
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn bind_one(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it, which saves a call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(address: SocketAddr, workers: usize) -> Result<(Listener, Vec<TcpListener>), BindError> {
        let config = ListenerConfig {
            address,
            trusted_proxies: Vec::new(),
            limits: DownstreamLimits::default(),
            tls: None,
            proxy_protocol: None,
            line: 1,
        };
        Listener::bind(&config, None, workers, Vec::new(), &[])
    }

    #[test]
    fn sockets_are_shared_out_so_that_none_is_left_and_no_worker_goes_without() {
        let (_, sockets) = bind(([127, 0, 0, 1], 0).into(), 5).expect("a free port");
        for (sockets, workers, expected) in [
            (&sockets[..2], 2, &[1, 1][..]),
            (&sockets[..5], 2, &[3, 2]),
            (&sockets[..1], 3, &[1, 1, 1]),
            (&sockets[..2], 5, &[1, 1, 1, 1, 1]),
        ] {
            let shares = shares(sockets, workers).expect("file descriptors");
            assert_eq!(shares.iter().map(Vec::len).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn an_address_in_use_is_named() {
        let (first, _sockets) = bind(([127, 0, 0, 1], 0).into(), 2).expect("a free port");
        let error = bind(first.address, 2).expect_err("the port is taken");
        assert!(error.to_string().contains(&first.address.to_string()), "{error}");
        assert!(error.to_string().contains("another process has it"), "{error}");
    }

    #[test]
    fn all_workers_share_one_port() {
        let (listener, sockets) = bind(([127, 0, 0, 1], 0).into(), 3).expect("a free port");
        let ports: Vec<u16> =
            sockets.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        assert_eq!(ports, [listener.address.port(); 3]);
    }
}
