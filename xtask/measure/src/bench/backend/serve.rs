//! The backends' event loop.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use socket2::{Domain, Socket, Type};

use super::answer::Answer;
use super::http2::Http2;
use super::request::{self, Malformed};
use super::shared::{BackendSpeech, Kept, Shared};
use crate::bench::poller::{Events, Poller};
use crate::bench::response::report;
use crate::bench::transport::Transport;

/// How often the loop looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes read at a time.
const READ: usize = 256 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// A socket on a port that the system chooses.
pub(super) fn listen() -> Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until it is told to stop.
pub(super) fn run(listeners: &[(TcpListener, SocketAddr)], speech: &BackendSpeech, shared: &Shared) {
    if let Err(error) = try_run(listeners, speech, shared) {
        eprintln!("xtask: the backends failed: {error:#}");
    }
}

fn try_run(listeners: &[(TcpListener, SocketAddr)], speech: &BackendSpeech, shared: &Shared) -> Result<()> {
    let poller = Poller::new()?;
    for (token, (listener, _)) in listeners.iter().enumerate() {
        poller.add_listener(listener, token as u64)?;
    }
    let mut server = Server {
        poller,
        shared,
        speech,
        connections: Vec::new(),
        free: Vec::new(),
        responses: Vec::new(),
        buffer: vec![0; READ],
    };
    let mut events = Events::default();
    while !shared.stop.load(Ordering::Acquire) {
        server.poller.wait_about(&mut events, LOOK)?;
        for ready in events.iter() {
            let token = ready.token as usize;
            match listeners.get(token) {
                Some((listener, _)) => server.accept(listener, token, listeners.len())?,
                None => server.go_on(token - listeners.len()),
            }
        }
    }
    Ok(())
}

struct Server<'a> {
    poller: Poller,
    shared: &'a Shared,
    speech: &'a BackendSpeech,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Responses by body length.
    responses: Vec<(usize, Rc<[u8]>)>,
    buffer: Vec<u8>,
}

struct Connection {
    transport: Transport,
    /// If that is spoken; all below is of HTTP/1.1.
    http2: Option<Box<Http2>>,
    backend: usize,
    /// The beginning of a head that hasn't come whole.
    partial: Vec<u8>,
    /// The request whose body is being read.
    current: Option<Current>,
    /// What the socket hasn't taken yet.
    unsent: Option<(Rc<[u8]>, usize)>,
    keep_alive: bool,
}

struct Current {
    wanted: usize,
    body: u64,
    left: u64,
}

/// What becomes of a connection.
enum Next {
    Keep,
    Close,
}

impl Server<'_> {
    fn accept(&mut self, listener: &TcpListener, backend: usize, tokens_before: usize) -> Result<()> {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        self.shared.connections.fetch_add(1, Ordering::AcqRel);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.poller.add(&stream, (tokens_before + slot) as u64)?;
        let (tls, answer) = match self.speech {
            BackendSpeech::Http1 => (None, None),
            BackendSpeech::Tls(tls) => (Some(tls), None),
            BackendSpeech::Http2 => (None, Some(Answer::Plain)),
            BackendSpeech::Grpc => (None, Some(Answer::Call)),
        };
        let connection = Connection {
            transport: Transport::accepted(stream, tls)?,
            http2: answer.map(|answer| Box::new(Http2::new(backend, answer))),
            backend,
            partial: Vec::new(),
            current: None,
            unsent: None,
            keep_alive: true,
        };
        self.connections[slot] = Some(connection);
        Ok(())
    }

    fn go_on(&mut self, slot: usize) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        let next = self.turn(&mut connection, &mut buffer);
        self.buffer = buffer;
        match next {
            Ok(Next::Keep) => self.connections[slot] = Some(connection),
            Ok(Next::Close) => self.free.push(slot),
            Err(Malformed) => {
                self.shared.faults.fetch_add(1, Ordering::AcqRel);
                self.free.push(slot);
            }
        }
    }

    /// Sends and reads what can be, until the socket is empty.
    fn turn(&mut self, connection: &mut Connection, buffer: &mut [u8]) -> Result<Next, Malformed> {
        if connection.transport.flush().is_err() {
            return if connection.is_idle() { Ok(Next::Close) } else { Err(Malformed) };
        }
        if let Some(http2) = &mut connection.http2 {
            let is_open = http2.turn(&mut connection.transport, self.shared, buffer)?;
            return Ok(if is_open { Next::Keep } else { Next::Close });
        }
        if connection.unsent.is_some() && matches!(connection.send()?, Next::Close) {
            return Ok(Next::Close);
        }
        loop {
            match connection.transport.read(buffer) {
                Ok(0) if connection.is_idle() => return Ok(Next::Close),
                Ok(0) => return Err(Malformed),
                Ok(read) => {
                    if matches!(self.take(connection, &buffer[..read])?, Next::Close) {
                        return Ok(Next::Close);
                    }
                    if !connection.transport.may_have_more(read, buffer.len()) {
                        return Ok(Next::Keep);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Keep),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if connection.is_idle() => return Ok(Next::Close),
                Err(_) => return Err(Malformed),
            }
        }
    }

    /// Takes bytes of a request; at its end, answers it.
    fn take(&mut self, connection: &mut Connection, bytes: &[u8]) -> Result<Next, Malformed> {
        let joined;
        let mut bytes = bytes;
        if !connection.partial.is_empty() {
            connection.partial.extend_from_slice(bytes);
            joined = std::mem::take(&mut connection.partial);
            bytes = &joined;
        }
        if connection.current.is_none() {
            let Some(head) = request::parse(bytes)? else {
                connection.partial.extend_from_slice(bytes);
                return Ok(Next::Keep);
            };
            if self.shared.wanted.swap(false, Ordering::AcqRel)
                && let Ok(mut kept) = self.shared.kept.lock()
            {
                let negotiated = connection.transport.negotiated();
                *kept = Some(Kept { head: bytes[..head.length].to_vec(), negotiated });
            }
            connection.keep_alive = head.keep_alive;
            connection.current = Some(Current { wanted: head.wanted, body: head.body, left: head.body });
            bytes = &bytes[head.length..];
        }
        let Some(current) = &mut connection.current else { return Ok(Next::Keep) };
        // One request at a time: no contender pipelines.
        current.left = current.left.checked_sub(bytes.len() as u64).ok_or(Malformed)?;
        if current.left > 0 {
            return Ok(Next::Keep);
        }
        let response = self.response(current.wanted, current.body);
        connection.current = None;
        self.shared.requests[connection.backend].fetch_add(1, Ordering::AcqRel);
        connection.unsent = Some((response, 0));
        connection.send()
    }

    fn response(&mut self, length: usize, received: u64) -> Rc<[u8]> {
        if received > 0 {
            return response(length, received);
        }
        if let Some((_, response)) = self.responses.iter().find(|(known, _)| *known == length) {
            return Rc::clone(response);
        }
        let made = response(length, 0);
        self.responses.push((length, Rc::clone(&made)));
        made
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.current.is_none() && self.unsent.is_none()
    }

    fn send(&mut self) -> Result<Next, Malformed> {
        while let Some((response, sent)) = &mut self.unsent {
            match self.transport.write(&response[*sent..]) {
                Ok(written) => *sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Keep),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Malformed),
            }
            if *sent == response.len() {
                self.unsent = None;
            }
        }
        Ok(if self.keep_alive { Next::Keep } else { Next::Close })
    }
}

/// A response with the fields of an ordinary one.
fn response(length: usize, received: u64) -> Rc<[u8]> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n\
         Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    let mut body = report(received).to_vec();
    body.resize(length, b'x');
    bytes.extend_from_slice(&body);
    bytes.into()
}
