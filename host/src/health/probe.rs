//! One check of one backend.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Uri;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pointsman_core::pool::{BackendProtocol, ProxyProtocol};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::config::{CheckKind, HealthCheckConfig, HttpCheckConfig};
use crate::proxy_protocol::{self, Addresses};
use crate::stream::Stream;
use crate::tls::{BackendHandshakeError, BackendHost, BackendTls};
use crate::upstream::{self, CountingStream, IoCounters};

/// Largest response head, bytes.
const HEAD_BYTES: usize = 64 << 10;

/// Most fields of a response head.
const HEAD_FIELDS: usize = 1024;

/// How much of a body is searched, bytes.
const BODY_BYTES: usize = 64 << 10;

/// A check's time is measured in steps of at most this length, at least [`STEPS`] of them. A step that takes longer counts as one.
const STEP: Duration = Duration::from_millis(100);
const STEPS: u32 = 10;

/// A step that ends this late isn't counted: the checker was stopped, not the backend slow.
const GAP: Duration = Duration::from_millis(500);

/// The check's `User-Agent`, unless one is configured.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("pointsman-health-check/", env!("CARGO_PKG_VERSION")));

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("no TLS connection: {0}")]
    Tls(#[from] BackendHandshakeError),
    #[error("no answer in time")]
    Timeout,
    #[error("no valid response: {0}")]
    Response(#[from] hyper::Error),
    #[error("status {}", .0.as_u16())]
    Status(StatusCode),
    #[error("the expected text isn't in the body")]
    Body,
    #[error("cannot ask: {0}")]
    Request(#[from] http::Error),
}

impl Failure {
    /// Whether the proxy lacked a resource, so that the backend wasn't asked.
    pub(super) fn is_our_own(&self) -> bool {
        matches!(self, Self::Connect(error) if upstream::is_our_own(error))
    }
}

/// Who is checked, and what the connection begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProbeTarget<'a> {
    pub(super) address: SocketAddr,
    /// The host that led to it, if one did.
    pub(super) host: Option<&'a str>,
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    /// What the connection is made over; without it, it is in clear.
    pub(super) tls: Option<&'a BackendTls>,
}

/// Checks a server.
pub(super) async fn run(check: &HealthCheckConfig, target: ProbeTarget<'_>) -> Result<(), Failure> {
    let answer = async {
        let stream = connect(target).await?;
        match &check.kind {
            CheckKind::Tcp => Ok(()),
            CheckKind::Http(http) => request(http, target.address, stream).await,
        }
    };
    within(check.timeout, answer).await.unwrap_or(Err(Failure::Timeout))
}

/// Connects, over TLS if there is any. If the backend expects a PROXY header, it gets one that says that the connection is the proxy's own.
async fn connect(target: ProbeTarget<'_>) -> Result<Stream, Failure> {
    let ProbeTarget { address, host, proxy_protocol, tls } = target;
    let socket = open(address, proxy_protocol).await.map_err(Failure::Connect)?;
    match tls {
        None => Ok(Stream::Plain(socket)),
        Some(tls) => {
            let host = BackendHost { host, address: address.ip() };
            Ok(Stream::Tls(tls.handshake(socket, host, BackendProtocol::Http1).await?))
        }
    }
}

async fn open(address: SocketAddr, proxy_protocol: Option<ProxyProtocol>) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    if let Some(version) = proxy_protocol {
        let own = Addresses::new(stream.local_addr()?, address);
        stream.write_all(&proxy_protocol::local(version, own)).await?;
    }
    Ok(stream)
}

/// The answer, if it comes within a time. Only time in which this thread runs counts: while it was stopped, an answer may have
/// come in that it hasn't read yet.
async fn within<T>(time: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = pin!(answer);
    let (mut left, mut forgiven) = (time, false);
    // A busy thread still gets this many turns to read an answer, more than it takes.
    let longest = STEP.min(time / STEPS).max(Duration::from_millis(1));
    loop {
        let step = left.min(longest);
        let began = Instant::now();
        if let Ok(answer) = tokio::time::timeout(step, answer.as_mut()).await {
            return Some(answer);
        }
        // Only once: with a thread that is always late, a check would never end.
        if began.elapsed() > step + GAP && !forgiven {
            forgiven = true;
            continue;
        }
        left -= step;
        if left.is_zero() {
            return None;
        }
    }
}

async fn request(http: &HttpCheckConfig, address: SocketAddr, stream: Stream) -> Result<(), Failure> {
    let request = head(http, address)?;
    let io = TokioIo::new(CountingStream::new(stream, Rc::<IoCounters>::default()));
    let (mut sender, connection) =
        http1::Builder::new().max_header_size(HEAD_BYTES).max_headers(HEAD_FIELDS).handshake(io).await?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async {
        let response = sender.send_request(request).await?;
        validate(http, response.status(), response.into_body()).await
    });
    tokio::select! {
        answer = &mut answer => answer,
        // The connection was closed or broke; the answer says how.
        _ = &mut connection => answer.await,
    }
}

fn head(http: &HttpCheckConfig, address: SocketAddr) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = http.method.clone();
    *request.uri_mut() = Uri::from(http.path.clone());
    let headers = request.headers_mut();
    headers.clone_from(&http.headers);
    let host = match &http.host {
        Some(host) => host.clone(),
        None => HeaderValue::from_str(&address.to_string())?,
    };
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    Ok(request)
}

/// Whether a response is as expected. Reads no more of its body than that takes.
async fn validate(http: &HttpCheckConfig, status: StatusCode, mut body: Incoming) -> Result<(), Failure> {
    if !http.expected_statuses.iter().any(|range| range.contains(&status.as_u16())) {
        return Err(Failure::Status(status));
    }
    let Some(text) = &http.body_contains else { return Ok(()) };
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        // The text may have begun in what was read before.
        let begin = read.len().saturating_sub(text.len());
        read.extend_from_slice(&data[..data.len().min(BODY_BYTES - read.len())]);
        if memchr::memmem::find(&read[begin..], text.as_bytes()).is_some() {
            return Ok(());
        }
        if read.len() == BODY_BYTES {
            break;
        }
    }
    Err(Failure::Body)
}
