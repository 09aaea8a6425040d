//! The least that a proxy needs to serve something: a backend, and a client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the backend answers.
pub(crate) const BODY: &str = "served";

/// A backend that answers every connection once.
#[derive(Debug)]
pub(crate) struct Backend {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Backend {
    /// Starts, and answers where it listens.
    pub(crate) fn start() -> std::io::Result<(Self, SocketAddr)> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let thread = thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let mut head = [0; 8 << 10];
                match (&stream).read(&mut head) {
                    // Nobody but `stop` connects and says nothing.
                    Ok(0) | Err(_) => return,
                    Ok(_) => {
                        let length = BODY.len();
                        let response = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
                        );
                        let _ = (&stream).write_all(response.as_bytes());
                    }
                }
            }
        });
        Ok((Self { address, thread }, address))
    }

    /// Ends.
    pub(crate) fn stop(self) {
        drop(TcpStream::connect(self.address));
        let _ = self.thread.join();
    }
}

/// The whole answer to a GET on loopback.
pub(crate) fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(std::io::Error::other("an empty answer")) } else { Ok(answer) }
}
