//! The admin server's connections: few, with time limits, and the idle ones make room for an operator.

use std::fmt;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pointsman_core::clock::Clock;
use pointsman_core::reminder::Reminder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinSet};

use crate::listener::ListeningSocket;

/// From the end of a response, or from connecting, to the end of the next request's head. So it is how long a connection may
/// be idle, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Age at which a connection ends, after what it is at.
const MOST_AGE: Duration = Duration::from_secs(600);

/// How long connections may go on when nothing is accepted any more.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long accepting pauses when the process has run out of file descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Serves this router until `leaving` is ready. Then nothing is accepted any more, and what is connected has a second to end.
///
/// There are at most `max_connections`. One more takes the place of the one that has been without a request for the longest, so
/// that an operator can always connect.
///
/// # Errors
///
/// The event loop doesn't take the socket.
pub async fn serve(
    socket: ListeningSocket,
    router: Router,
    max_connections: usize,
    leaving: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let socket = Listening::new(socket)?;
    let (mut connections, clock) = (AdminConnections::new(router), Clock::start());
    let (crowded, exhausted) = (Reminder::default(), Reminder::default());
    let mut leaving = pin!(leaving);
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = &mut leaving => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if connections.leave_at_most(max_connections.saturating_sub(1))
                    && let Some(times) = crowded.count(clock.now())
                {
                    tracing::warn!(
                        event = "admin-connection-limit-reached",
                        max_connections,
                        times,
                        "admin: too many connections; idle ones are closed"
                    );
                }
                connections.serve(stream, peer);
            }
            // The connection was closed before it was accepted; the next one is unaffected.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                if let Some(times) = exhausted.count(clock.now()) {
                    tracing::warn!(
                        event = "admin-accept-failed", %error, times,
                        "admin: cannot accept; pausing"
                    );
                }
                connections.leave_at_most(connections.all.len().saturating_sub(1));
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
    drop(socket);
    connections.finish().await;
    Ok(())
}

/// The socket in an event loop.
enum Listening {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

/// A connection's bytes.
type Stream = Box<dyn ByteStream>;

trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Who is at the other end of a connection: an address, or a user of this machine.
#[derive(Debug, Clone)]
pub(super) struct Peer(Arc<str>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Listening {
    fn new(socket: ListeningSocket) -> std::io::Result<Self> {
        match socket {
            ListeningSocket::Tcp(socket) => tokio::net::TcpListener::from_std(socket).map(Self::Tcp),
            ListeningSocket::Unix(socket) => tokio::net::UnixListener::from_std(socket).map(Self::Unix),
        }
    }

    async fn accept(&self) -> std::io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                Ok((Box::new(stream), Peer(peer.to_string().into())))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                let user = stream.peer_cred().map(|peer| format!("user {}", peer.uid()));
                let user = user.unwrap_or_else(|error| format!("a user ({error})"));
                Ok((Box::new(stream), Peer(user.into())))
            }
        }
    }
}

/// The connections of the admin server. Dropping this ends them.
struct AdminConnections {
    router: TowerToHyperService<Router>,
    tasks: JoinSet<()>,
    all: Vec<(AbortHandle, Arc<LastUse>)>,
    uses: Arc<AtomicU64>,
}

/// When a connection was last used, as a number of uses of all connections; [`IN_USE`] while a request is answered.
type LastUse = AtomicU64;

const IN_USE: u64 = u64::MAX;

impl AdminConnections {
    fn new(router: Router) -> Self {
        let router = TowerToHyperService::new(router);
        Self { router, tasks: JoinSet::new(), all: Vec::new(), uses: Arc::default() }
    }

    /// Ends the least recently used connections until at most `count` are left. Returns whether there were more.
    fn leave_at_most(&mut self, count: usize) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.all.retain(|(task, _)| !task.is_finished());
        let surplus = self.all.len().saturating_sub(count);
        for _ in 0..surplus {
            let last_used = |(_, (_, used)): &(usize, &(AbortHandle, Arc<LastUse>))| used.load(Relaxed);
            let Some((place, _)) = self.all.iter().enumerate().min_by_key(last_used) else { break };
            self.all.swap_remove(place).0.abort();
        }
        surplus > 0
    }

    /// Waits for those that end soon, as one that was just accepted has its request on the way; the others are ended.
    async fn finish(mut self) {
        let all_end = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, all_end).await;
    }

    fn serve(&mut self, stream: Stream, peer: Peer) {
        let (router, uses) = (self.router.clone(), Arc::clone(&self.uses));
        let last_use = Arc::new(LastUse::new(uses.fetch_add(1, Relaxed)));
        let used = Arc::clone(&last_use);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            used.store(IN_USE, Relaxed);
            let answer = router.call(request);
            let (used, uses) = (Arc::clone(&used), Arc::clone(&uses));
            async move {
                let answer = answer.await;
                used.store(uses.fetch_add(1, Relaxed), Relaxed);
                answer
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let task = self.tasks.spawn(async move {
            let mut connection = pin!(connection);
            let ended = match tokio::time::timeout(MOST_AGE, connection.as_mut()).await {
                Ok(ended) => ended,
                // Whoever takes nothing of an answer would keep a place forever.
                Err(_) => {
                    connection.as_mut().graceful_shutdown();
                    tokio::time::timeout(HEAD_TIMEOUT, connection).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                tracing::debug!(event = "admin-connection-ended", %error, "admin connection ended");
            }
        });
        self.all.push((task, last_use));
    }
}
