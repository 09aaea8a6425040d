//! One connection of the load generator.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use super::outcome::Failure;
use super::request::Request;
use crate::bench::response::{Response, ResponseReader};

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    reader: ResponseReader,
    state: State,
    /// When its last request was sent.
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Without a request.
    Idle,
    /// A request is under way.
    Busy {
        /// When it should have been sent.
        due: Instant,
        /// Bytes of it that were taken.
        sent: usize,
    },
}

/// What became of a connection's request.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// The connection was closed without a request on it.
    Ended,
    /// Its response is there.
    Done {
        /// When the request should have been sent.
        due: Instant,
        response: Response,
    },
    /// It failed, and the connection with it.
    Failed(Failure),
}

impl Connection {
    /// Opens one without waiting, `from` an address if it matters which.
    pub(super) fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<Self> {
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
        let stream = socket.into();
        Ok(Self { stream, reader: ResponseReader::default(), state: State::Idle, since: Instant::now() })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Gives it a request.
    pub(super) fn begin(&mut self, due: Instant, now: Instant) {
        self.state = State::Busy { due, sent: 0 };
        self.since = now;
    }

    /// Sends as much of its request as the socket takes.
    pub(super) fn send(&mut self, request: &Request) -> Step {
        let State::Busy { sent, .. } = &mut self.state else { return Step::Wait };
        while *sent < request.bytes().len() {
            match self.stream.write(&request.bytes()[*sent..]) {
                Ok(written) => *sent += written,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    return Step::Failed(Failure::Refused);
                }
                Err(_) => return Step::Failed(Failure::Closed),
            }
        }
        Step::Wait
    }

    /// Sends and reads what can be. `ended`: the peer has sent its last byte.
    pub(super) fn go_on(&mut self, ended: bool, request: &Request, buffer: &mut [u8]) -> Step {
        if let Step::Failed(failure) = self.send(request) {
            return Step::Failed(failure);
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return self.closed(),
                Ok(read) => match self.take(&buffer[..read]) {
                    // The end is told once: it has to be looked for beside the last bytes.
                    Step::Wait if read == buffer.len() || ended => {}
                    step => return step,
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(error) if error.kind() == ErrorKind::NotConnected => return Step::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.closed(),
            }
        }
    }

    fn closed(&self) -> Step {
        match self.state {
            State::Idle => Step::Ended,
            State::Busy { .. } => Step::Failed(Failure::Closed),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Step {
        let State::Busy { due, .. } = self.state else { return Step::Failed(Failure::Malformed) };
        match self.reader.take(bytes) {
            Ok(None) => Step::Wait,
            Ok(Some(response)) => {
                self.state = State::Idle;
                Step::Done { due, response }
            }
            Err(_) => Step::Failed(Failure::Malformed),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy { .. })
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }
}
