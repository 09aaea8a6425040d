//! What carries a connection of the load: a socket, or TLS on one. Neither ever waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use socket2::{Domain, Socket, Type};

use super::negotiated::Negotiated;
use crate::certificate::Certificate;

/// Bytes taken from a socket under TLS at a time: a record and more, as the library's own reads are short.
const READ: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) enum Transport {
    Clear(TcpStream),
    Tls(Box<Tls>),
}

#[derive(Debug)]
pub(crate) struct Tls {
    socket: TcpStream,
    session: Connection,
    /// Records from the socket, and how much of them the session has.
    records: Vec<u8>,
    taken: usize,
}

impl Transport {
    /// Opens one without waiting, `from` an address if it matters which.
    pub(crate) fn open(
        address: SocketAddr,
        from: Option<Ipv4Addr>,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::from((from, 0)).into())?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let socket = TcpStream::from(socket);
        let Some(tls) = tls else { return Ok(Self::Clear(socket)) };
        let name = ServerName::try_from(Certificate::NAME).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Self::over_tls(socket, session.into()))
    }

    /// Carries a connection that was accepted.
    pub(crate) fn accepted(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Self::Clear(socket)) };
        let session = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        Ok(Self::over_tls(socket, session.into()))
    }

    fn over_tls(socket: TcpStream, session: Connection) -> Self {
        Self::Tls(Box::new(Tls { socket, session, records: Vec::new(), taken: 0 }))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    /// Takes bytes to be sent, some of them or all.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Tls(tls) => {
                // More than its buffer holds, it takes when that was sent; before the end of the handshake nothing is.
                tls.flush()?;
                let taken = tls.session.writer().write(bytes)?;
                tls.flush()?;
                if taken == 0 && !bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
            }
        }
    }

    /// Sends what was taken, and what a handshake has to say.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
        }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Whether there may be more after a read that filled so much of its buffer. A socket that gave less than was asked for has no
    /// more for now.
    pub(crate) fn may_have_more(&self, read: usize, buffer: usize) -> bool {
        let in_socket = match self {
            Self::Clear(_) => false,
            Self::Tls(tls) => tls.taken < tls.records.len() || tls.records.len() == READ,
        };
        in_socket || read == buffer
    }

    /// What was agreed on, if this is TLS.
    pub(crate) fn negotiated(&self) -> Option<Negotiated> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(tls) => Some(Negotiated::of(&tls.session)),
        }
    }
}

impl Tls {
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.taken == self.records.len() {
                self.receive()?;
            }
            let mut records = &self.records[self.taken..];
            let left = records.len();
            self.session.read_tls(&mut records)?;
            self.taken += left - records.len();
            self.session.process_new_packets().map_err(io::Error::other)?;
            self.flush()?;
        }
    }

    /// Reads records. At the end of the connection there are none.
    fn receive(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.records.resize(READ, 0);
        let read = self.socket.read(&mut self.records);
        self.records.truncate(read.as_ref().map_or(0, |read| *read));
        read.map(|_| ())
    }
}
