//! Sockets that clients connect to.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Semaphore;

use crate::config::{DownstreamLimits, ListenerConfig};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4096;

/// What all workers' sockets of a listener have in common.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The address that is bound; the port is never 0.
    pub address: SocketAddr,
    /// Limits on what clients send and how slowly.
    pub limits: Arc<DownstreamLimits>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// One permit for each connection that may exist.
    pub connections: Arc<Semaphore>,
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
    /// Binds one socket for each worker, so that the kernel spreads connections over them (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// The address can't be bound; also if another process shares it with `SO_REUSEPORT`, which would silently take
    /// a part of the traffic.
    pub fn bind(config: &ListenerConfig, workers: usize) -> Result<(Self, Vec<TcpListener>), BindError> {
        let sockets = bind_all(config.address, workers)
            .map_err(|source| BindError { address: config.address, source })?;
        let address = sockets
            .first()
            .map_or(Ok(config.address), TcpListener::local_addr)
            .map_err(|source| BindError { address: config.address, source })?;
        let listener = Self {
            address,
            limits: Arc::new(config.limits.clone()),
            trusted_proxies: config.trusted_proxies.as_slice().into(),
            connections: Arc::new(Semaphore::new(config.limits.max_connections)),
        };
        Ok((listener, sockets))
    }
}

fn bind_all(mut address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 {
        // Fails if anyone has the address, also with SO_REUSEPORT.
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

    fn config(address: SocketAddr) -> ListenerConfig {
        ListenerConfig { address, trusted_proxies: Vec::new(), limits: DownstreamLimits::default() }
    }

    #[test]
    fn an_address_in_use_is_named() {
        let (first, _sockets) = Listener::bind(&config(([127, 0, 0, 1], 0).into()), 2).expect("a free port");
        let error = Listener::bind(&config(first.address), 2).expect_err("the port is taken");
        assert!(error.to_string().contains(&first.address.to_string()), "{error}");
        assert!(error.to_string().contains("another process has it"), "{error}");
    }

    #[test]
    fn all_workers_share_one_port() {
        let (listener, sockets) =
            Listener::bind(&config(([127, 0, 0, 1], 0).into()), 3).expect("a free port");
        let ports: Vec<u16> =
            sockets.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        assert_eq!(ports, [listener.address.port(); 3]);
    }
}
