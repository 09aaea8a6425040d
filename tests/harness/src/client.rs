//! A client connection that sends exactly the bytes it is given.

use std::io::{self, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use socket2::{Domain, Socket, Type};

use super::{DEADLINE, Response};

/// One connection to the proxy, over TCP or what runs over it.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    pub(crate) reader: BufReader<S>,
}

impl Client {
    /// Connects to a listener.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, DEADLINE).expect("a connection to the proxy"))
    }

    /// Connects to a Unix socket.
    pub fn connect_unix(path: impl AsRef<Path>) -> Client<UnixStream> {
        let stream = UnixStream::connect(path).expect("a connection to the proxy");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        Client::on(stream)
    }

    /// Connects from this address.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::new(source, 0).into()).expect("the source address");
        socket.connect_timeout(&address.into(), DEADLINE).expect("a connection to the proxy");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self::on(stream)
    }

    /// Whether the proxy closes the connection now, with nothing more to say.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// The socket, for what goes beyond requests and responses.
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }
}

impl<S: Read + Write> Client<S> {
    /// Over a connection that exists.
    pub(crate) fn on(stream: S) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the proxy takes the bytes");
        self
    }

    /// Sends bytes as they are, to a proxy that may have closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let stream = self.reader.get_mut();
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush())
    }

    /// Sends a GET and reads the response.
    pub fn get(&mut self, target: &str) -> Response {
        self.get_with(target, "")
    }

    /// Sends a GET with more header lines, each with its CRLF, and reads the response.
    pub fn get_with(&mut self, target: &str, headers: &str) -> Response {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
        self.response("GET")
    }

    /// Sends a POST and reads the response.
    pub fn post(&mut self, target: &str, body: &[u8]) -> Response {
        self.send(format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len()));
        self.send(body);
        self.response("POST")
    }

    /// Reads the response to a request with this method.
    pub fn response(&mut self, method: &str) -> Response {
        self.try_response(method).expect("a response").expect("a response before the end of the connection")
    }

    /// Reads a response; `None` if the proxy closed the connection instead.
    pub fn try_response(&mut self, method: &str) -> io::Result<Option<Response>> {
        Response::read(&mut self.reader, method)
    }

    /// Reads this number of bytes, as they are.
    pub fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// The buffered reader, for bodies that are read piece by piece.
    pub fn reader(&mut self) -> &mut BufReader<S> {
        &mut self.reader
    }
}
