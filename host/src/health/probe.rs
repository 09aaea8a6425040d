//! One check of one backend.

mod failure;
mod grpc_check;
mod head;
mod http2;
mod http_check;

use std::io;
use std::pin::pin;
use std::time::Duration;

use pointsman_core::address::Address;
use pointsman_core::pool::{BackendProtocol, ProxyProtocol};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::config::{CheckKind, HealthCheckConfig};
use crate::proxy_protocol::{self, Addresses};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tls::{BackendHost, BackendTls};
pub(super) use failure::Failure;

/// A check's time is measured in steps of at most this length, at least [`STEPS`] of them. A step that takes longer counts as one.
const STEP: Duration = Duration::from_millis(100);
const STEPS: u32 = 10;

/// A step that ends this late isn't counted: the checker was stopped, not the backend slow.
const GAP: Duration = Duration::from_millis(500);

/// Who is checked, and what the connection begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProbeTarget<'a> {
    pub(super) address: &'a Address,
    /// The host that led to it, if one did.
    pub(super) host: Option<&'a str>,
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    /// What the connection is made over; without it, it is in clear.
    pub(super) tls: Option<&'a BackendTls>,
    /// What it is spoken to in.
    pub(super) protocol: BackendProtocol,
}

/// Checks a server.
pub(super) async fn run(check: &HealthCheckConfig, mut target: ProbeTarget<'_>) -> Result<(), Failure> {
    if let CheckKind::Http(http) = &check.kind
        && let Some(protocol) = http.protocol
    {
        target.protocol = protocol;
    }
    let answer = async {
        let stream = connect(target).await?;
        ask(&check.kind, target, stream).await
    };
    within(check.timeout, answer).await.unwrap_or(Err(Failure::Timeout))
}

/// Asks on a connection, in the protocol that it is for.
async fn ask(kind: &CheckKind, target: ProbeTarget<'_>, stream: Stream) -> Result<(), Failure> {
    let ProbeTarget { address, protocol, .. } = target;
    let (is_http2, is_tls) = match &stream {
        Stream::Tls(stream) => (stream.agreed_on_http2(), true),
        _ => (protocol == BackendProtocol::H2, false),
    };
    match kind {
        CheckKind::Tcp => Ok(()),
        CheckKind::Http(http) if is_http2 => {
            http2::on(stream, async |sender| http_check::over_http2(http, address, is_tls, sender).await)
                .await
        }
        CheckKind::Http(http) => http_check::over_http1(http, address, stream).await,
        CheckKind::Grpc(grpc) if is_http2 => {
            http2::on(stream, async |sender| grpc_check::call(grpc, address, is_tls, sender).await).await
        }
        CheckKind::Grpc(_) => Err(Failure::NotHttp2),
    }
}

/// Connects, over TLS if there is any. If the session of an earlier connection is what fails, connects once more without it.
async fn connect(target: ProbeTarget<'_>) -> Result<Stream, Failure> {
    match try_to_connect(target).await {
        Err(Failure::Tls(error)) if error.is_of_session => try_to_connect(target).await,
        connected => connected,
    }
}

/// Connects. If the backend expects a PROXY header, it gets one that says that the connection is the proxy's own.
async fn try_to_connect(target: ProbeTarget<'_>) -> Result<Stream, Failure> {
    let ProbeTarget { address, host, proxy_protocol, tls, protocol } = target;
    let socket = open(address, proxy_protocol).await.map_err(Failure::Connect)?;
    match tls {
        None => Ok(Stream::Plain(socket)),
        Some(tls) => {
            let host = BackendHost { host, address };
            Ok(Stream::Tls(tls.handshake(socket, host, protocol).await?))
        }
    }
}

async fn open(address: &Address, proxy_protocol: Option<ProxyProtocol>) -> io::Result<Socket> {
    let mut stream = Socket::connect(address).await?;
    if let Some(version) = proxy_protocol {
        let own = Addresses::new(stream.local_address()?, address.ends_at());
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

#[cfg(test)]
mod tests;
