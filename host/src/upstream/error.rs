//! What can go wrong with a backend.

use std::io;

use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::tls::BackendHandshakeError;

/// Why an exchange with a backend failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to the backend.
    #[error("cannot connect to the backend: {0}")]
    Connect(#[source] io::Error),
    /// No connection over TLS: the handshake failed, and nothing was sent.
    #[error("no TLS connection to the backend: {0}")]
    Tls(#[source] Box<BackendHandshakeError>),
    /// The backend is to speak HTTP/2 and doesn't. Nothing was sent.
    #[error("the backend doesn't speak HTTP/2: {0}")]
    NotHttp2(Box<str>),
    /// No room for another stream to the backend within `connect_timeout`. Nothing was sent.
    #[error("no connection to the backend had room for the request in time")]
    NoStream,
    /// The backend says that it hasn't looked at the request.
    #[error("the backend refused the request without looking at it")]
    StreamRefused,
    /// The backend has left the connection, and says that it hasn't looked at the request.
    #[error("the backend closed the connection without looking at the request")]
    LeftOut,
    /// No connection within `connect_timeout`.
    #[error("connecting to the backend took too long")]
    ConnectTimeout,
    /// The backend closed or reset the connection before its response was whole.
    #[error("the backend closed the connection early")]
    Reset,
    /// The backend reset the stream of the request, for this reason.
    #[error("the backend reset the request's stream: {0}")]
    StreamReset(h2::Reason),
    /// No response head within `response_timeout`.
    #[error("the backend took too long to respond")]
    ResponseTimeout,
    /// No response head within `per_try_timeout`, and no other backend left to ask.
    #[error("the backend took too long to respond, and there is no other to ask")]
    PerTryTimeout,
    /// Silence within a response body for longer than `idle_timeout`.
    #[error("the backend fell silent within its response, for longer than `idle_timeout`")]
    IdleTimeout,
    /// The same, and the client said nothing of its request either.
    #[error("neither the client nor the backend said anything for longer than `idle_timeout`")]
    Silence,
    /// No whole response within `total_timeout`.
    #[error("the request took too long in all")]
    TotalTimeout,
    /// No whole request within `total_timeout`: the client was too slow to send it.
    #[error("the client took too long to send its request")]
    SlowRequest,
    /// What the backend sent is no HTTP response.
    #[error("the backend's response is malformed")]
    BadResponse(#[source] hyper::Error),
    /// What the backend sent is no response over HTTP/2.
    #[error("the backend's response is malformed")]
    BadStream(#[source] h2::Error),
    /// The response's head is larger than `max_response_header_bytes`.
    #[error("the backend's response head is larger than `max_response_header_bytes` allows")]
    LargeHead,
    /// The response has more header fields than `max_response_headers`.
    #[error("the backend's response has more header fields than `max_response_headers` allows")]
    ManyFields,
    /// Interim responses without an end.
    #[error("the backend sends interim responses without end")]
    InterimResponses,
    /// The response has several lengths, or one that is no number: the end of its body is ambiguous.
    #[error("the backend's response has no clear length")]
    Length,
    /// The response has a transfer coding beside `chunked`: the request didn't allow it (RFC 9112 section 7.4), and its content
    /// would be passed on without the name of its coding.
    #[error("the backend's response has an unknown transfer coding")]
    TransferCoding,
    /// The backend changes the protocol unasked.
    #[error("the backend changed the protocol unasked")]
    UnwantedUpgrade,
    /// The backend changes the protocol before it has the whole request (RFC 9110 section 7.8): the rest of the body, and what
    /// follows it in the new protocol, can't be told apart.
    #[error("the backend changed the protocol before the request was whole")]
    EarlyUpgrade,
    /// The backend has changed to a WebSocket without having read the request's key (RFC 6455 section 4.2.2), or answers as if there
    /// were one.
    #[error("the backend didn't accept the WebSocket as it has to")]
    WebSocketAccept,
    /// The backend closed the connection after the client had let it wait for the rest of its request.
    #[error("the client sent nothing more of its request, and the backend closed the connection")]
    ClientStalled,
    /// The response broke off, or took too long, while it waited for the client to take it.
    #[error("the client took too long to take the response")]
    SlowReader,
    /// The response can't be compressed, as there is no memory for it.
    #[error("the response cannot be compressed: {0}")]
    Compression(#[source] io::Error),
    /// The client left, or broke off its request body.
    #[error("the client left before its request was whole")]
    ClientAbort,
}

impl Error {
    /// The name of the fault in headers, logs and metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect-failed",
            Self::Tls(_) => "tls-failed",
            Self::NotHttp2(_) => "not-http2",
            Self::NoStream => "no-stream",
            Self::StreamRefused | Self::LeftOut => "stream-refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::Reset | Self::StreamReset(_) => "upstream-reset",
            Self::ResponseTimeout => "response-timeout",
            Self::PerTryTimeout => "per-try-timeout",
            Self::IdleTimeout => "idle-timeout",
            Self::TotalTimeout | Self::SlowRequest => "total-timeout",
            Self::LargeHead => "response-head-too-large",
            Self::ManyFields => "too-many-response-headers",
            Self::InterimResponses => "too-many-interim-responses",
            Self::BadResponse(_) | Self::BadStream(_) | Self::Length | Self::TransferCoding => "bad-response",
            Self::UnwantedUpgrade => "unwanted-upgrade",
            Self::EarlyUpgrade => "early-upgrade",
            Self::WebSocketAccept => "websocket-accept",
            Self::ClientStalled | Self::SlowReader | Self::Silence => "client-stalled",
            Self::Compression(_) => "compression-failed",
            Self::ClientAbort => "client-abort",
        }
    }

    /// Whether the backend was too slow, rather than wrong.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout
                | Self::NoStream
                | Self::ResponseTimeout
                | Self::PerTryTimeout
                | Self::IdleTimeout
                | Self::TotalTimeout
        )
    }

    /// Whether the proxy lacked something, and the backend wasn't even asked.
    #[must_use]
    pub fn is_our_own(&self) -> bool {
        matches!(self, Self::Connect(error) if is_our_own(error))
    }

    /// The same for other requests that have waited for what failed; `None` if it is about one request only.
    pub(super) fn for_others(&self) -> Option<Self> {
        Some(match self {
            Self::Connect(error) => Self::Connect(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
            Self::Tls(error) => Self::Tls(error.clone()),
            Self::NotHttp2(why) => Self::NotHttp2(why.clone()),
            Self::ConnectTimeout => Self::ConnectTimeout,
            _ => return None,
        })
    }

    /// This, or that the request as a whole has run out of its time.
    pub(super) fn unless_capped(self, deadline: &Deadline) -> Self {
        if deadline.is_past_cap() { Self::TotalTimeout } else { self }
    }

    /// What a failure of hyper's means for the request.
    pub(super) fn of_hyper(error: hyper::Error) -> Self {
        if error.is_parse() {
            Self::BadResponse(error)
        } else if error.is_user() {
            // The only thing of ours that fails in there is the client's request body.
            Self::ClientAbort
        } else {
            Self::Reset
        }
    }

    /// Whether it is the client's doing.
    #[must_use]
    pub fn is_clients(&self) -> bool {
        self.outcome() == pointsman_sdk::abi::outcome::CLIENT_ABORT
    }

    /// How the response ended, in the terms of the plugin contract.
    #[must_use]
    pub fn outcome(&self) -> i32 {
        use pointsman_sdk::abi::outcome;
        match self {
            Self::Connect(_) | Self::Tls(_) | Self::NotHttp2(_) => outcome::CONNECT_FAILURE,
            Self::ConnectTimeout
            | Self::NoStream
            | Self::ResponseTimeout
            | Self::PerTryTimeout
            | Self::IdleTimeout
            | Self::TotalTimeout => outcome::TIMEOUT,
            Self::Reset
            | Self::StreamReset(_)
            | Self::StreamRefused
            | Self::LeftOut
            | Self::BadResponse(_)
            | Self::BadStream(_)
            | Self::LargeHead
            | Self::ManyFields
            | Self::InterimResponses
            | Self::Length
            | Self::TransferCoding
            | Self::UnwantedUpgrade
            | Self::EarlyUpgrade
            | Self::WebSocketAccept => outcome::UPSTREAM_RESET,
            Self::SlowRequest
            | Self::ClientStalled
            | Self::SlowReader
            | Self::Silence
            | Self::Compression(_)
            | Self::ClientAbort => outcome::CLIENT_ABORT,
        }
    }
}

/// Whether a connection failed because the proxy itself has run out of something: files, memory, ports. That says nothing about
/// the backend.
#[must_use]
pub fn is_our_own(error: &io::Error) -> bool {
    const OURS: [Errno; 5] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    Errno::from_io_error(error).is_some_and(|errno| OURS.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_of_the_proxy_is_no_fault_of_the_backend() {
        for (errno, ours) in [(Errno::MFILE, true), (Errno::ADDRNOTAVAIL, true), (Errno::CONNREFUSED, false)]
        {
            assert_eq!(Error::Connect(errno.into()).is_our_own(), ours, "{errno}");
        }
        assert!(!Error::ConnectTimeout.is_our_own());
    }
}
