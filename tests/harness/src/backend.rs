//! Backends that do what a test needs, good or bad.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use socket2::{Domain, Socket, Type};

use super::{DEADLINE, Request, wait_until};

/// A backend on a port of its own; a thread for each connection. It goes away when it is dropped.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What a backend does with a request whose head (and nothing more) has been read.
type Behaviour = dyn Fn(&mut Exchange<'_>) + Send + Sync;

/// A request and the connection it came on.
pub struct Exchange<'a> {
    /// The request; its body hasn't been read.
    pub request: Request,
    /// Where the rest of the request comes from.
    pub reader: &'a mut BufReader<TcpStream>,
    /// Whether the connection takes another request afterwards.
    pub keep_alive: bool,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    /// By number, as a socket that was reset no longer knows its peer.
    open: Mutex<HashMap<usize, TcpStream>>,
    requests: Mutex<Vec<Request>>,
}

impl Exchange<'_> {
    /// Reads the whole request.
    pub fn read_body(&mut self) {
        self.request.read_body(self.reader);
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A test may have made the other side leave.
        let _ = self.try_send(bytes);
    }

    /// Sends bytes as they are, to a proxy that may have closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a 200 with this body.
    pub fn respond(&mut self, body: &str) {
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Discards what comes until the proxy closes the connection.
    pub fn wait_for_close(&mut self) {
        self.keep_alive = false;
        let _ = io::copy(self.reader, &mut io::sink());
    }

    /// Closes the connection with a reset instead of an end.
    pub fn reset(&mut self) {
        self.keep_alive = false;
        let socket = socket2::SockRef::from(self.reader.get_ref());
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Backend {
    /// A backend that reads the request and answers with its name.
    pub fn named(name: &str) -> Self {
        let name = name.to_owned();
        Self::start(move |exchange| {
            exchange.read_body();
            exchange.respond(&name);
        })
    }

    /// A backend with a behaviour of its own.
    pub fn start(behaviour: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self::start_on(([127, 0, 0, 1], 0).into(), behaviour)
    }

    /// A backend on a certain address, such as one that another backend has left.
    pub fn start_on(
        address: SocketAddr,
        behaviour: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static,
    ) -> Self {
        let listener = listen(address).expect("a port for the backend");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let (behaviour, server): (Arc<Behaviour>, _) = (Arc::new(behaviour), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if server.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = server.connections.fetch_add(1, Ordering::Relaxed);
                let (behaviour, connection) = (Arc::clone(&behaviour), Arc::clone(&server));
                std::thread::spawn(move || connection.serve(number, stream, &*behaviour));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that were ever made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.lock().expect("no panic").len()
    }

    /// Requests whose head it has received.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    /// How many requests it has received.
    pub fn count(&self) -> usize {
        self.shared.requests.lock().expect("no panic").len()
    }

    /// Waits until it has received this number of requests.
    pub fn wait_for_requests(&self, count: usize) {
        wait_until(&format!("the backend has {count} requests"), || self.count() >= count);
    }

    /// Closes all its connections, and goes on accepting.
    pub fn close_connections(&self) {
        for stream in self.shared.open.lock().expect("no panic").values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.close_connections();
        // Wakes the listener up, which then sees the flag.
        let _ = TcpStream::connect_timeout(&self.address, DEADLINE);
        let stopped = || TcpStream::connect_timeout(&self.address, DEADLINE).is_err();
        wait_until("the backend's port is closed", stopped);
    }
}

/// Listens with room for as many new connections as any test makes at a time; the standard library's is 128.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

impl Shared {
    fn serve(&self, number: usize, stream: TcpStream, behaviour: &Behaviour) {
        let _ = stream.set_nodelay(true);
        if let Ok(stream) = stream.try_clone() {
            self.open.lock().expect("no panic").insert(number, stream);
        }
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = Request::read_head(&mut reader) {
            self.requests.lock().expect("no panic").push(request.clone());
            let mut exchange = Exchange { request, reader: &mut reader, keep_alive: true };
            behaviour(&mut exchange);
            if !exchange.keep_alive {
                break;
            }
        }
        self.open.lock().expect("no panic").remove(&number);
    }
}
