//! The backends behind the proxy. One answers only when it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};

/// With a date, as nearly all origins send: so the proxy makes none.
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT\r\nContent-Type: text/plain\r\n\
    Content-Length: 12\r\nCache-Control: no-cache\r\n\r\nHello world\n";

const BACKENDS: usize = 3;

/// Nothing takes so long, step by step or not.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Three backends.
#[derive(Debug)]
pub(crate) struct Backends {
    pub(crate) addresses: Vec<SocketAddr>,
    requests: Receiver<Asked>,
}

/// A request that a backend has received.
#[derive(Debug)]
pub(crate) struct Asked(TcpStream);

impl Backends {
    /// Listens and hands on what comes. The threads end with the process.
    pub(crate) fn start() -> Result<Self> {
        let (sender, requests) = channel();
        let mut addresses = Vec::new();
        for _ in 0..BACKENDS {
            let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
            addresses.push(listener.local_addr()?);
            let sender = sender.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let sender = sender.clone();
                    std::thread::spawn(move || hand_on(stream, &sender));
                }
            });
        }
        Ok(Self { addresses, requests })
    }

    /// The next request that one of them receives.
    pub(crate) fn next_request(&self) -> Result<Asked> {
        self.requests.recv_timeout(PATIENCE).context("no request reached a backend")
    }
}

impl Asked {
    /// Lets the backend answer.
    pub(crate) fn respond(mut self) -> Result<()> {
        self.0.write_all(RESPONSE).context("a backend cannot answer")
    }
}

fn hand_on(mut stream: TcpStream, requests: &Sender<Asked>) {
    let mut space = [0; 8192];
    // A request comes in one piece: the proxy writes it at once.
    while let Ok(1..) = stream.read(&mut space) {
        let Ok(asked) = stream.try_clone() else { return };
        if requests.send(Asked(asked)).is_err() {
            return;
        }
    }
}
