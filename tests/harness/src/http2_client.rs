//! A client that speaks HTTP/2.

use std::io;
use std::net::SocketAddr;

use ::http::{Method, Request, Response};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::http2::send_body;
use super::tls::Tls;

/// One connection to the proxy, driven while something is asked of it.
#[derive(Debug)]
pub struct Http2Client {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
    scheme: &'static str,
}

/// A response with all of its body.
pub type Http2Response = Response<Vec<u8>>;

impl Http2Client {
    /// Connects by prior knowledge.
    ///
    /// # Errors
    ///
    /// The proxy doesn't take the connection.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::start("http", async || socket(address).await)
    }

    /// Connects over TLS, and asks for this name.
    ///
    /// # Errors
    ///
    /// The handshake fails, or HTTP/2 isn't chosen.
    pub fn connect_tls(address: SocketAddr, tls: &Tls, name: &str) -> io::Result<Self> {
        Self::start("https", async || {
            let stream = tls.connect_async(socket(address).await?, name).await?;
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Ok(stream),
                _ => Err(io::Error::other("HTTP/2 isn't chosen")),
            }
        })
    }

    fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        scheme: &'static str,
        connect: impl AsyncFnOnce() -> io::Result<S>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(async {
            let (sender, connection) =
                h2::client::handshake(connect().await?).await.map_err(io::Error::other)?;
            tokio::spawn(async {
                // How it ends shows in its streams.
                let _ = connection.await;
            });
            Ok::<_, io::Error>(sender)
        })?;
        Ok(Self { runtime, sender, scheme })
    }

    /// Sends a request without a body and reads what comes of it.
    ///
    /// # Errors
    ///
    /// The stream breaks.
    pub fn send(&self, request: Request<()>) -> Result<Http2Response, h2::Error> {
        self.runtime.block_on(async {
            let mut sender = self.sender.clone().ready().await?;
            read(sender.send_request(request, true)?.0).await
        })
    }

    /// Sends requests at once and reads what comes of each: a GET for a target without a body, else a POST.
    pub fn ask_all(&self, requests: &[(&str, &[u8])]) -> Vec<Result<Http2Response, h2::Error>> {
        self.runtime.block_on(async {
            let mut asked = Vec::new();
            for (target, body) in requests {
                asked.push(self.ask(target, body).await);
            }
            // All at once: what of one isn't read takes the connection's window from the others.
            let read_all = asked.into_iter().map(|asked| tokio::spawn(async move { read(asked?).await }));
            let mut responses = Vec::new();
            for reading in read_all.collect::<Vec<_>>() {
                responses.push(reading.await.expect("no panic"));
            }
            responses
        })
    }

    /// Sends a request. A body goes on its way as the proxy takes it, while others are asked.
    async fn ask(&self, target: &str, body: &[u8]) -> Result<ResponseFuture, h2::Error> {
        let uri = format!("{}://test{target}", self.scheme);
        let mut request = Request::get(uri).body(()).expect("a request");
        if !body.is_empty() {
            *request.method_mut() = Method::POST;
        }
        let mut sender = self.sender.clone().ready().await?;
        let (response, stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            let body = body.to_vec();
            // Whether it arrives shows in the response.
            tokio::spawn(async move { send_body(stream, &body, None).await });
        }
        Ok(response)
    }
}

/// Whether an error means that the proxy hasn't looked at the request, so that it may be sent on another connection: a GOAWAY in good
/// order.
pub fn is_unserved(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR)
}

async fn socket(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

async fn read(response: ResponseFuture) -> Result<Http2Response, h2::Error> {
    let (head, mut body) = response.await?.into_parts();
    let body = read_body(&mut body).await?;
    Ok(Response::from_parts(head, body))
}

async fn read_body(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read)
}
