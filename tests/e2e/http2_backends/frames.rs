//! Backends of HTTP/2 in bytes, that do what no library would.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::frames::{ACK, PING, SETTINGS, WINDOW_UPDATE, frame, next};
pub(super) use harness::frames::{
    DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, RST_STREAM, literal,
};

/// Length of a client's preface.
const PREFACE: usize = 24;

/// The backend's end of one connection, after both prefaces.
pub(super) struct Peer {
    reader: BufReader<TcpStream>,
    closed: Arc<AtomicUsize>,
}

/// A backend in plain bytes.
pub(super) struct RawBackend {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl RawBackend {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that it has closed itself.
    pub(super) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

/// A backend whose connections are each served by this, in a thread of its own, once it has sent its settings.
pub(super) fn serve(serve: impl Fn(Peer) + Send + Sync + 'static) -> RawBackend {
    let closed = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&closed);
    let backend = accept(move |mut socket| {
        socket.write_all(&frame(SETTINGS, 0, 0, &[])).expect("settings");
        let mut reader = BufReader::new(socket);
        if reader.read_exact(&mut [0; PREFACE]).is_ok() {
            serve(Peer { reader, closed: Arc::clone(&counter) });
        }
    });
    RawBackend { closed, ..backend }
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
    RawBackend { address, connections, closed: Arc::default() }
}

impl Peer {
    /// The next frame of a stream, or GOAWAY. Settings and pings are acknowledged, and windows kept open. `None` = the connection is at its end.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = next(&mut self.reader).ok()??;
            let Frame { kind, flags, stream, payload } = &frame;
            match (*kind, *flags) {
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]),
                (PING, 0) => self.send(PING, ACK, 0, payload),
                (SETTINGS | PING | WINDOW_UPDATE, _) => {}
                (kind, _) => {
                    if kind == DATA && !payload.is_empty() {
                        let more = u32::try_from(payload.len()).expect("a length").to_be_bytes();
                        self.send(WINDOW_UPDATE, 0, 0, &more);
                        self.send(WINDOW_UPDATE, 0, *stream, &more);
                    }
                    return Some(frame);
                }
            }
        }
    }

    /// Closes, after all that was sent.
    pub(super) fn close(&mut self) {
        let _ = self.reader.get_ref().shutdown(Shutdown::Write);
        self.closed.fetch_add(1, Ordering::SeqCst);
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
