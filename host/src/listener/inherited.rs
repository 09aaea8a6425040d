//! Listening sockets that the process was started with.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Clients.
    Listener,
    /// The admin server.
    Admin,
    /// Those who collect metrics.
    Metrics,
}

/// Listening sockets that another process has bound and handed over. Each is used once, by the listener of its address.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Socket>,
    /// The admin server's, if it has a path.
    unix: Option<UnixListener>,
}

#[derive(Debug)]
struct Socket {
    /// `None` if the process that bound it doesn't say.
    role: Option<Role>,
    /// As it stands in the configuration; the port may be 0.
    address: SocketAddr,
    /// As it is bound.
    bound: SocketAddr,
    socket: TcpListener,
}

impl Inherited {
    /// Adds a socket for what is configured with this address.
    ///
    /// # Errors
    ///
    /// The system doesn't know the socket.
    pub fn add(
        &mut self,
        role: Option<Role>,
        address: SocketAddr,
        socket: TcpListener,
    ) -> std::io::Result<()> {
        let bound = socket.local_addr()?;
        self.sockets.push(Socket { role, address, bound, socket });
        Ok(())
    }

    /// Adds the admin server's socket, if that has a path.
    pub fn add_unix(&mut self, socket: UnixListener) {
        self.unix = Some(socket);
    }

    /// Takes the admin server's socket, if it has this path.
    pub fn take_unix(&mut self, path: &Path) -> Option<UnixListener> {
        self.unix
            .take_if(|socket| socket.local_addr().is_ok_and(|address| address.as_pathname() == Some(path)))
    }

    /// Takes the sockets of one address; none if it isn't bound. Listeners that are configured twice with port 0 get theirs one after
    /// the other.
    pub fn take(&mut self, role: Role, address: SocketAddr) -> Vec<TcpListener> {
        let fits =
            |socket: &Socket| socket.address == address && socket.role.is_none_or(|known| known == role);
        let Some(bound) = self.sockets.iter().find(|socket| fits(socket)).map(|socket| socket.bound) else {
            return Vec::new();
        };
        let taken = self.sockets.extract_if(.., |socket| fits(socket) && socket.bound == bound);
        taken.map(|socket| socket.socket).collect()
    }

    /// Addresses of the sockets that weren't taken.
    pub fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|socket| socket.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_goes_to_whom_it_was_bound_for() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let mut inherited = Inherited::default();
        let socket = || TcpListener::bind(any).expect("a free port");
        let port = |socket: &TcpListener| socket.local_addr().expect("an address").port();
        let (one, two, admin) = (socket(), socket(), socket());
        let ports = [&one, &one, &two, &admin].map(port);
        let twin = one.try_clone().expect("a duplicate");
        for (role, socket) in
            [(Role::Admin, admin), (Role::Listener, one), (Role::Listener, two), (Role::Listener, twin)]
        {
            inherited.add(Some(role), any, socket).expect("it is a socket");
        }
        let mut taken = |role| inherited.take(role, any).iter().map(port).collect::<Vec<_>>();
        assert_eq!(taken(Role::Listener), ports[..2]);
        assert_eq!(taken(Role::Listener), ports[2..3]);
        assert!(taken(Role::Listener).is_empty());
        assert_eq!(taken(Role::Admin), ports[3..]);
        assert_eq!(inherited.left().count(), 0);

        let unnamed = socket();
        let address = unnamed.local_addr().expect("an address");
        inherited.add(None, address, unnamed).expect("it is a socket");
        assert!(inherited.take(Role::Listener, any).is_empty());
        assert_eq!(inherited.left().collect::<Vec<_>>(), [address]);
        assert_eq!(inherited.take(Role::Listener, address).len(), 1);
    }
}
