//! Backends that speak HTTP/2.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::DEADLINE;
use super::tls::{Issued, config};

/// A backend that speaks HTTP/2 on a port of its own; one thread for all connections. It goes away when it is dropped.
#[derive(Debug)]
pub struct Http2Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A request and what answers it. It is answered in a task of its own.
#[derive(Debug)]
pub struct Http2Exchange {
    /// The request; its body hasn't been read.
    pub request: Request<RecvStream>,
    /// Where the response goes.
    pub respond: SendResponse<Bytes>,
    /// Which of the backend's connections it came on, from 0.
    pub connection: usize,
    /// Ends the connection with a GOAWAY that lets its streams end.
    pub leave: Arc<Notify>,
}

type Answer = Pin<Box<dyn Future<Output = ()>>>;
type Behaviour = dyn Fn(Http2Exchange) -> Answer + Send + Sync;

#[derive(Debug, Default)]
struct Shared {
    stop: Notify,
    connections: AtomicUsize,
    open: AtomicUsize,
    streams: AtomicUsize,
    most_streams: AtomicUsize,
    heads: Mutex<Vec<Request<()>>>,
}

/// Something that counts for as long as this exists.
struct Counted(Arc<Shared>, fn(&Shared) -> &AtomicUsize);

impl Counted {
    fn new(shared: &Arc<Shared>, what: fn(&Shared) -> &AtomicUsize) -> Self {
        what(shared).fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared), what)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1(&self.0).fetch_sub(1, Ordering::SeqCst);
    }
}

impl Http2Exchange {
    /// Reads the body to its end; what came of it, and the trailers. `None` if it broke off.
    pub async fn read_body(&mut self) -> Option<(Vec<u8>, HeaderMap)> {
        let mut read = Vec::new();
        let body = self.request.body_mut();
        while let Some(data) = body.data().await {
            let data = data.ok()?;
            body.flow_control().release_capacity(data.len()).ok()?;
            read.extend_from_slice(&data);
        }
        Some((read, body.trailers().await.ok()?.unwrap_or_default()))
    }

    /// Sends a 200 with this body.
    pub async fn answer(&mut self, body: impl AsRef<[u8]>) {
        let head =
            Response::builder().header("content-length", body.as_ref().len()).body(()).expect("a head");
        if let Ok(stream) = self.respond.send_response(head, false) {
            send_body(stream, body.as_ref(), None).await;
        }
    }

    /// Reads the request, and sends a 200 with this body.
    pub async fn read_and_answer(&mut self, body: impl AsRef<[u8]>) {
        self.read_body().await;
        self.answer(body).await;
    }
}

/// Sends a body as the proxy takes it, and trailers.
pub async fn send_body(mut stream: SendStream<Bytes>, body: &[u8], trailers: Option<HeaderMap>) {
    let mut rest = Bytes::copy_from_slice(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        let part = rest.split_to(room.min(rest.len()));
        if stream.send_data(part, false).is_err() {
            return;
        }
    }
    let _ = match trailers {
        Some(trailers) => stream.send_trailers(trailers),
        None => stream.send_data(Bytes::new(), true),
    };
}

impl Http2Backend {
    /// A backend in clear that reads each request and answers with a text.
    pub fn named(name: &'static str) -> Self {
        Self::start(&Builder::new(), move |mut exchange| async move { exchange.read_and_answer(name).await })
    }

    /// A backend in clear with these settings and a behaviour of its own.
    pub fn start<F: Future<Output = ()> + 'static>(
        settings: &Builder,
        behaviour: impl Fn(Http2Exchange) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::run(settings, None, Arc::new(move |exchange| Box::pin(behaviour(exchange))))
    }

    /// A backend over TLS that chooses HTTP/2, reads each request and answers with a text.
    pub fn over_tls(certificate: &Issued, name: &'static str) -> Self {
        let config = TlsAcceptor::from(Arc::new(config(certificate, None)));
        let answer = move |mut exchange: Http2Exchange| -> Answer {
            Box::pin(async move { exchange.read_and_answer(name).await })
        };
        Self::run(&Builder::new(), Some(config), Arc::new(answer))
    }

    fn run(settings: &Builder, tls: Option<TlsAcceptor>, behaviour: Arc<Behaviour>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the backend");
        let address = listener.local_addr().expect("an address");
        let (shared, settings) = (Arc::<Shared>::default(), settings.clone());
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime.expect("a runtime"), server.accept(listener, settings, tls, behaviour));
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Streams that are open now.
    pub fn open_streams(&self) -> usize {
        self.shared.streams.load(Ordering::SeqCst)
    }

    /// The most streams that were open at a time.
    pub fn most_streams(&self) -> usize {
        self.shared.most_streams.load(Ordering::SeqCst)
    }

    /// The heads of all requests, in the order in which they came.
    pub fn heads(&self) -> Vec<Request<()>> {
        self.shared.heads.lock().expect("no panic").clone()
    }
}

impl Drop for Http2Backend {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
    }
}

impl Shared {
    async fn accept(
        self: Arc<Self>,
        listener: TcpListener,
        settings: Builder,
        tls: Option<TlsAcceptor>,
        behaviour: Arc<Behaviour>,
    ) {
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        loop {
            let socket = tokio::select! {
                socket = listener.accept() => socket.expect("a connection").0,
                () = self.stop.notified() => return,
            };
            let _ = socket.set_nodelay(true);
            let number = self.connections.fetch_add(1, Ordering::SeqCst);
            let (this, settings, tls) = (Arc::clone(&self), settings.clone(), tls.clone());
            let behaviour = Arc::clone(&behaviour);
            tokio::task::spawn_local(async move {
                let _open = Counted::new(&this, |shared| &shared.open);
                match tls {
                    None => this.serve(number, socket, &settings, behaviour).await,
                    Some(tls) => match tls.accept(socket).await {
                        Ok(stream) => this.serve(number, stream, &settings, behaviour).await,
                        Err(_) => Ok(()),
                    },
                }
            });
        }
    }

    async fn serve(
        self: &Arc<Self>,
        number: usize,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        settings: &Builder,
        behaviour: Arc<Behaviour>,
    ) -> io::Result<()> {
        let mut connection = settings.handshake(stream).await.map_err(io::Error::other)?;
        let leave = Arc::<Notify>::default();
        loop {
            let accepted = tokio::select! {
                accepted = connection.accept() => accepted,
                () = leave.notified() => {
                    connection.graceful_shutdown();
                    continue;
                }
            };
            let Some(accepted) = accepted else { return Ok(()) };
            let (request, respond) = accepted.map_err(io::Error::other)?;
            self.note(&request);
            let stream = Counted::new(self, |shared| &shared.streams);
            self.most_streams.fetch_max(self.streams.load(Ordering::SeqCst), Ordering::SeqCst);
            let exchange = Http2Exchange { request, respond, connection: number, leave: Arc::clone(&leave) };
            let answer = behaviour(exchange);
            tokio::task::spawn_local(async move {
                // Nothing takes this long in a test that passes.
                let _ = tokio::time::timeout(DEADLINE + Duration::from_secs(1), answer).await;
                drop(stream);
            });
        }
    }

    fn note(&self, request: &Request<RecvStream>) {
        let mut head = Request::new(());
        head.method_mut().clone_from(request.method());
        head.uri_mut().clone_from(request.uri());
        head.headers_mut().clone_from(request.headers());
        self.heads.lock().expect("no panic").push(head);
    }
}
