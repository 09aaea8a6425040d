//! Listening sockets that the process was started with.

use pointsman_core::address::Address;

use super::socket::ListeningSocket;

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
pub struct Inherited(Vec<Socket>);

#[derive(Debug)]
struct Socket {
    /// `None` if the process that bound it doesn't say.
    role: Option<Role>,
    /// As it stands in the configuration; the port may be 0.
    address: Address,
    /// As it is bound.
    bound: Address,
    is_lent: bool,
    socket: ListeningSocket,
}

/// The sockets of one address.
#[derive(Debug, Default)]
pub struct Taken {
    /// None if it wasn't bound.
    pub sockets: Vec<ListeningSocket>,
    /// Whether their file, if they have one, is there for whoever listens, and stays: systemd's.
    pub is_lent: bool,
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
        address: Address,
        socket: ListeningSocket,
        is_lent: bool,
    ) -> std::io::Result<()> {
        let bound = socket.address()?;
        self.0.push(Socket { role, address, bound, is_lent, socket });
        Ok(())
    }

    /// Takes the sockets of one address. Listeners that are configured twice with port 0 get theirs one after the other.
    pub fn take(&mut self, role: Role, address: &Address) -> Taken {
        let fits =
            |socket: &Socket| socket.address == *address && socket.role.is_none_or(|known| known == role);
        let Some((bound, is_lent)) =
            self.0.iter().find(|socket| fits(socket)).map(|socket| (socket.bound.clone(), socket.is_lent))
        else {
            return Taken::default();
        };
        let taken = self.0.extract_if(.., |socket| fits(socket) && socket.bound == bound);
        Taken { sockets: taken.map(|socket| socket.socket).collect(), is_lent }
    }

    /// Addresses of the sockets that weren't taken.
    pub fn left(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|socket| &socket.bound)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_socket_goes_to_whom_it_was_bound_for() {
        let any = Address::from(([127, 0, 0, 1], 0));
        let mut inherited = Inherited::default();
        let socket = || ListeningSocket::Tcp(TcpListener::bind(any.ends_at()).expect("a free port"));
        let port = |socket: &ListeningSocket| socket.address().expect("an address").ends_at().port();
        let (one, two, admin) = (socket(), socket(), socket());
        let ports = [&one, &one, &two, &admin].map(port);
        let twin = one.try_clone().expect("a duplicate");
        for (role, socket) in
            [(Role::Admin, admin), (Role::Listener, one), (Role::Listener, two), (Role::Listener, twin)]
        {
            inherited.add(Some(role), any.clone(), socket, false).expect("it is a socket");
        }
        let mut taken = |role| inherited.take(role, &any).sockets.iter().map(port).collect::<Vec<_>>();
        assert_eq!(taken(Role::Listener), ports[..2]);
        assert_eq!(taken(Role::Listener), ports[2..3]);
        assert!(taken(Role::Listener).is_empty());
        assert_eq!(taken(Role::Admin), ports[3..]);
        assert_eq!(inherited.left().count(), 0);

        let unnamed = socket();
        let address = unnamed.address().expect("an address");
        inherited.add(None, address.clone(), unnamed, true).expect("it is a socket");
        assert!(inherited.take(Role::Listener, &any).sockets.is_empty());
        assert_eq!(inherited.left().collect::<Vec<_>>(), [&address]);
        let taken = inherited.take(Role::Listener, &address);
        assert_eq!((taken.sockets.len(), taken.is_lent), (1, true));
    }
}
