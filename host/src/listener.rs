//! Sockets that clients connect to.

mod connections;
mod idle;
mod inherited;
mod socket;
mod worker_idle;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use pointsman_core::address::Address;
use pointsman_core::counts::ListenerCounts;

pub use connections::{ConnectionLimit, ConnectionPermit};
pub use idle::{Awaited, IdleClients, IdlePosition};
pub use inherited::{Inherited, Role, Taken};
pub use socket::{ListeningSocket, SocketFile};

use crate::config::{DownstreamLimits, ListenerConfig};
use crate::proxy_protocol::ExpectedHeader;
use crate::tls::ListenerTls;

/// A listener, as its sockets on all workers share it.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The address that is bound; the port is never 0.
    pub address: Address,
    /// The address that is configured, by which routes know the listener.
    pub configured: Address,
    /// Who may connect if it is a Unix socket with a path.
    pub mode: u32,
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
#[error("cannot listen on {address}: {source}{}", hint(address, source))]
pub struct BindError {
    address: Address,
    source: io::Error,
}

/// The sockets of a listener, and their file if they have a path that is this process's to remove.
#[derive(Debug)]
pub struct BoundSockets {
    /// At least one.
    pub sockets: Vec<ListeningSocket>,
    /// The file.
    pub file: Option<SocketFile>,
}

fn hint(address: &Address, error: &io::Error) -> &'static str {
    match (error.kind(), address) {
        (io::ErrorKind::AddrInUse, Address::Tcp(_)) => {
            " (another process has it; stop that one or choose another port)"
        }
        (io::ErrorKind::AddrInUse, Address::Unix(_)) => " (stop that one or choose another path)",
        (io::ErrorKind::PermissionDenied, Address::Tcp(_)) => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        (io::ErrorKind::PermissionDenied, Address::Unix(_)) => {
            " (the user of this process may not write to the folder)"
        }
        (io::ErrorKind::NotFound, Address::Unix(_)) => {
            " (make the folder, such as by RuntimeDirectory= of the service)"
        }
        (io::ErrorKind::AddrNotAvailable, Address::Tcp(_)) => {
            " (no interface of this machine has this address)"
        }
        _ => "",
    }
}

impl BindError {
    pub(crate) fn new(address: &Address, source: io::Error) -> Self {
        Self { address: address.clone(), source }
    }

    /// Whether a Unix socket could be bound to its path, as far as that shows without binding it. Nothing is said of addresses of TCP,
    /// nor of sockets that are there: they may be a running proxy's, or a service manager's, which hands them over.
    ///
    /// # Errors
    ///
    /// Something else is at the path, or no file can be made there.
    pub fn foreseen(address: &Address) -> Result<(), Self> {
        let Address::Unix(path) = address else { return Ok(()) };
        path.file().map_or(Ok(()), socket::could_be_bound).map_err(|source| Self::new(address, source))
    }
}

impl Listener {
    /// Binds one socket for each worker, so that the kernel spreads connections over them (`SO_REUSEPORT`); a Unix socket is one that all
    /// workers share. Sockets that are `inherited` are taken as they are. `own` are the addresses that this process listens on already.
    ///
    /// # Errors
    ///
    /// The address can't be bound; also if another process shares it with `SO_REUSEPORT`, which would silently take
    /// a part of the traffic.
    pub fn bind(
        config: &ListenerConfig,
        tls: Option<Arc<ListenerTls>>,
        workers: usize,
        inherited: Taken,
        own: &[Address],
    ) -> Result<(Self, BoundSockets), BindError> {
        let error = |source| BindError::new(&config.address, source);
        let bound = if inherited.sockets.is_empty() {
            bind_all(config, workers, own).map_err(error)?
        } else {
            take(inherited, config).map_err(error)?
        };
        let first = bound.sockets.first();
        let address =
            first.map_or_else(|| Ok(config.address.clone()), ListeningSocket::address).map_err(error)?;
        let kept = (Arc::new(ConnectionLimit::new(config.limits.max_connections)), Arc::default());
        Ok((Self::on(address, kept, config, tls, None), bound))
    }

    /// The same listener with other settings for new connections. The limit of their number is changed by [`ConnectionLimit::set`].
    #[must_use]
    pub fn with(&self, config: &ListenerConfig, tls: Option<Arc<ListenerTls>>) -> Self {
        let before = self.proxy_protocol.as_ref();
        let kept = (Arc::clone(&self.connections), Arc::clone(&self.counts));
        Self::on(self.address.clone(), kept, config, tls, before)
    }

    /// Whether requests are refused, understood and answered as with these settings, but for their clients' authentication.
    #[must_use]
    pub fn takes_requests_as(&self, other: &Self) -> bool {
        self.trusted_proxies == other.trusted_proxies && self.limits.takes_requests_as(&other.limits)
    }

    /// Whether clients are authenticated as with these settings.
    #[must_use]
    pub fn authenticates_as(&self, other: &Self) -> bool {
        match (&self.tls, &other.tls) {
            (Some(now), Some(before)) => Arc::ptr_eq(before, now) || now.authenticates_as(before),
            // Without TLS nobody is authenticated.
            (Some(tls), None) | (None, Some(tls)) => tls.config().client_auth.is_none(),
            (None, None) => true,
        }
    }

    fn on(
        address: Address,
        (connections, counts): (Arc<ConnectionLimit>, Arc<ListenerCounts>),
        config: &ListenerConfig,
        tls: Option<Arc<ListenerTls>>,
        before: Option<&ExpectedHeader>,
    ) -> Self {
        let limits = Arc::new(config.limits.clone());
        let trusted_proxies = config.trusted_proxies.as_slice().into();
        let proxy_protocol = config.proxy_protocol.as_ref();
        let proxy_protocol = proxy_protocol.map(|config| ExpectedHeader::new(config, before));
        let (configured, mode) = (config.address.clone(), config.mode);
        Self { address, configured, mode, limits, trusted_proxies, tls, proxy_protocol, connections, counts }
    }
}

impl BoundSockets {
    /// Sets who may connect to a Unix socket.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.set_mode(mode))
    }
}

/// Each worker's share of a listener's sockets. If there are fewer sockets than workers, several accept from one.
///
/// # Errors
///
/// The process has run out of file descriptors.
pub fn shares(sockets: &[ListeningSocket], workers: usize) -> io::Result<Vec<Vec<ListeningSocket>>> {
    let share = |worker: usize| {
        let own = sockets.iter().skip(worker).step_by(workers.max(1));
        let shared = sockets.iter().cycle().skip(worker).take(usize::from(worker >= sockets.len()));
        own.chain(shared).map(ListeningSocket::try_clone).collect()
    };
    (0..workers).map(share).collect()
}

fn take(inherited: Taken, config: &ListenerConfig) -> io::Result<BoundSockets> {
    inherited.sockets.iter().try_for_each(ListeningSocket::prepare)?;
    let mut file = match &config.address {
        Address::Unix(path) if !inherited.is_lent => SocketFile::at(path),
        _ => None,
    };
    if let Some(file) = &mut file {
        // Until this process serves, the one before does.
        file.leave();
    }
    let bound = BoundSockets { sockets: inherited.sockets, file };
    bound.set_mode(config.mode)?;
    Ok(bound)
}

fn bind_all(config: &ListenerConfig, workers: usize, own: &[Address]) -> io::Result<BoundSockets> {
    match &config.address {
        Address::Tcp(address) => {
            // An overlapping address of this process, such as a wildcard that is replaced, is no conflict.
            let alone = own.iter().filter_map(Address::tcp).all(|own| own.port() != address.port());
            Ok(BoundSockets { sockets: bind_tcp(*address, workers, alone)?, file: None })
        }
        Address::Unix(path) => {
            let socket = ListeningSocket::bind(&config.address, config.mode)?;
            let bound = BoundSockets { sockets: vec![socket], file: SocketFile::at(path) };
            bound.sockets.iter().try_for_each(ListeningSocket::prepare)?;
            Ok(bound)
        }
    }
}

fn bind_tcp(mut address: SocketAddr, workers: usize, alone: bool) -> io::Result<Vec<ListeningSocket>> {
    if alone && address.port() != 0 {
        // Fails if any process has the address, also with SO_REUSEPORT.
        drop(ListeningSocket::bind_tcp(address, false)?);
    }
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = ListeningSocket::bind_tcp(address, true)?;
        address = socket.address()?.ends_at();
        sockets.push(socket);
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(address: SocketAddr, workers: usize) -> Result<(Listener, Vec<ListeningSocket>), BindError> {
        let config = ListenerConfig {
            name: None,
            address: address.into(),
            mode: 0o660,
            trusted_proxies: Vec::new(),
            limits: DownstreamLimits::default(),
            tls: None,
            proxy_protocol: None,
            line: 1,
        };
        let bound = Listener::bind(&config, None, workers, Taken::default(), &[]);
        bound.map(|(listener, bound)| (listener, bound.sockets))
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
        let error = bind(first.address.ends_at(), 2).expect_err("the port is taken");
        assert!(error.to_string().contains(&first.address.to_string()), "{error}");
        assert!(error.to_string().contains("another process has it"), "{error}");
    }

    #[test]
    fn all_workers_share_one_port() {
        let (listener, sockets) = bind(([127, 0, 0, 1], 0).into(), 3).expect("a free port");
        let addresses: Vec<Address> =
            sockets.iter().map(|socket| socket.address().expect("an address")).collect();
        assert!(addresses.iter().all(|address| *address == listener.address), "{addresses:?}");
    }
}
