//! HTTP/2 as bytes, for backends that do what no library would.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const PREFACE: usize = 24;

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// The backend's end of one connection, after both prefaces.
pub(super) struct Peer {
    reader: BufReader<TcpStream>,
}

/// A backend in plain bytes.
pub(super) struct RawBackend {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl RawBackend {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A backend whose connections are each served by this, in a thread of its own, once it has sent its settings.
pub(super) fn serve(serve: impl Fn(Peer) + Send + Sync + 'static) -> RawBackend {
    accept(move |mut socket| {
        socket.write_all(&frame(SETTINGS, 0, 0, &[])).expect("settings");
        let mut reader = BufReader::new(socket);
        if reader.read_exact(&mut [0; PREFACE]).is_ok() {
            serve(Peer { reader });
        }
    })
}

/// A backend whose sockets are each served by this, in a thread of its own.
pub(super) fn accept(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> RawBackend {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (connections, serve) = (Arc::<AtomicUsize>::default(), Arc::new(serve));
    let counter = Arc::clone(&connections);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(socket));
        }
    });
    RawBackend { address, connections }
}

impl Peer {
    /// The next frame of a stream, or GOAWAY. Settings and pings are acknowledged, and windows kept open. `None` = the connection is at its end.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            self.reader.read_exact(&mut head).ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let mut payload = vec![0; length];
            self.reader.read_exact(&mut payload).ok()?;
            match (head[3], head[4]) {
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]),
                (PING, 0) => self.send(PING, ACK, 0, &payload),
                (SETTINGS | PING | WINDOW_UPDATE, _) => {}
                (kind, flags) => {
                    if kind == DATA && length > 0 {
                        let more = u32::try_from(length).expect("a length").to_be_bytes();
                        self.send(WINDOW_UPDATE, 0, 0, &more);
                        self.send(WINDOW_UPDATE, 0, stream, &more);
                    }
                    return Some(Frame { kind, flags, stream, payload });
                }
            }
        }
    }

    /// Closes, after all that was sent.
    pub(super) fn close(&mut self) {
        let _ = self.reader.get_ref().shutdown(Shutdown::Write);
        self.wait_for_close();
    }

    /// Reads and answers nothing, until the connection is at its end.
    pub(super) fn wait_for_close(&mut self) {
        let _ = std::io::copy(&mut self.reader, &mut std::io::sink());
    }

    /// Sends a frame, to a proxy that may have left.
    pub(super) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let _ = self.reader.get_mut().write_all(&frame(kind, flags, stream, payload));
    }

    /// Sends a 200 with this body.
    pub(super) fn answer(&mut self, stream: u32, body: &[u8]) {
        self.send(HEADERS, END_HEADERS, stream, &[0x88]);
        self.send(DATA, END_STREAM, stream, body);
    }

    /// Says that `last` is the last stream that it looks at.
    pub(super) fn go_away(&mut self, last: u32) {
        let payload = [last.to_be_bytes(), [0; 4]].concat();
        self.send(GOAWAY, 0, 0, &payload);
    }
}

impl Frame {
    pub(super) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// A field as a literal that isn't indexed.
pub(super) fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}
