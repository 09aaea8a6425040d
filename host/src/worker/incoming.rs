//! A listening socket, as one worker accepts from it.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;

use pointsman_core::address::THIS_MACHINE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpStream, UnixStream};

use crate::listener::ListeningSocket;
use crate::socket::Socket;

/// A listening socket that is accepted from without a failing last call.
///
/// The event loop is told once that there are connections, and only after none is left is it told again. tokio's own listener
/// therefore accepts until that fails; a failing accept4(2) makes a file and a socket and destroys them. This one checks with poll(2)
/// after the first connection, which mostly is the only one. Measured (`perf stat` of the worker, one request on each of 3,000
/// connections): 98,700 instructions in the kernel for each, and 102,800 with a failing accept.
#[derive(Debug)]
pub(super) struct Incoming {
    socket: AsyncFd<ListeningSocket>,
    /// More than one connection waited at the last check, so that more are accepted without checking.
    is_backlogged: Cell<bool>,
}

impl Incoming {
    /// Takes a non-blocking socket.
    ///
    /// # Errors
    ///
    /// The event loop doesn't take it.
    pub(super) fn new(socket: ListeningSocket) -> io::Result<Self> {
        #[expect(deprecated, reason = "what replaces it is unsafe, for types whose descriptor may change")]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self { socket, is_backlogged: Cell::new(false) })
    }

    /// The next connection and its peer.
    ///
    /// # Errors
    ///
    /// Those of accept(2); most are about the one connection only.
    pub(super) async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        // Lets other tasks run, however many connections come in.
        tokio::task::coop::consume_budget().await;
        loop {
            let mut ready = self.socket.readable().await?;
            let listener = self.socket.get_ref();
            match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((stream, peer)) => {
                    self.is_backlogged.set(self.is_backlogged.get() || has_more(listener));
                    if !self.is_backlogged.get() {
                        ready.clear_ready();
                    }
                    return match listener {
                        ListeningSocket::Tcp(_) => {
                            let peer = peer.ok_or(Errno::AFNOSUPPORT)?.try_into()?;
                            Ok((Socket::Tcp(TcpStream::from_std(stream.into())?), peer))
                        }
                        ListeningSocket::Unix(_) => {
                            Ok((Socket::Unix(UnixStream::from_std(stream.into())?), THIS_MACHINE))
                        }
                    };
                }
                Err(Errno::WOULDBLOCK) => {
                    self.is_backlogged.set(false);
                    ready.clear_ready();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether another connection waits; true if that can't be determined, as accepting finds out.
fn has_more(listener: &ListeningSocket) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut socket = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut socket, Some(&at_once)).map_or(true, |ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    /// Longer than anything here takes.
    const DEADLINE: Duration = Duration::from_secs(10);

    /// A socket without connections, and its address.
    fn incoming() -> (Incoming, SocketAddr) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        (Incoming::new(ListeningSocket::Tcp(socket)).unwrap(), address)
    }

    fn in_runtime<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn no_connection_is_left_waiting_however_many_come_together() {
        in_runtime(async {
            let (incoming, address) = incoming();
            for count in [1, 1, 2, 1, 3, 40, 1, 2, 2, 1] {
                let clients: Vec<_> =
                    (0..count).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
                for client in &clients {
                    let accepted = tokio::time::timeout(DEADLINE, incoming.accept()).await;
                    let (_, peer) = accepted.expect("it is accepted").unwrap();
                    assert_eq!(peer, client.local_addr().unwrap());
                }
            }
        });
    }

    #[test]
    fn one_that_comes_while_nobody_waits_is_found() {
        in_runtime(async {
            let (incoming, address) = incoming();
            for _ in 0..20 {
                let _first = std::net::TcpStream::connect(address).unwrap();
                incoming.accept().await.unwrap();
                // After the check that found no other one.
                let _second = std::net::TcpStream::connect(address).unwrap();
                tokio::time::timeout(DEADLINE, incoming.accept()).await.expect("it is accepted").unwrap();
            }
        });
    }
}
