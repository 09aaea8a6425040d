//! Why a request was turned away before it was one.

use http::StatusCode;

/// A fault of the client in the way it speaks HTTP: nothing is forwarded. In HTTP/1 the connection is closed after the answer, in HTTP/2 the
/// stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request line or a header field isn't well-formed (RFC 9112 sections 3 and 5).
    #[error("malformed request head")]
    MalformedHead,
    /// A PROXY header where none is expected: whoever sends it takes the listener for one with `proxy_protocol`.
    #[error("a PROXY header in front of the request, which this listener doesn't expect")]
    ProxyHeader,
    /// A line ends in a bare LF (RFC 9112 section 2.2 permits refusing it).
    #[error("line without CR before LF")]
    BareLineFeed,
    /// The request target isn't in a form that a proxy like this one serves (RFC 9112 section 3.2).
    #[error("malformed request target")]
    MalformedTarget,
    /// The request target is longer than `max_uri_bytes`.
    #[error("request target too long")]
    UriTooLong,
    /// The request head is larger than `max_header_bytes`.
    #[error("request head too large")]
    HeadTooLarge,
    /// More header fields than `max_headers`.
    #[error("too many header fields")]
    TooManyHeaders,
    /// Not HTTP/1.0 or HTTP/1.1.
    #[error("HTTP version not supported")]
    Version,
    /// CONNECT, but for a WebSocket over HTTP/2: this is a reverse proxy.
    #[error("method not allowed")]
    Method,
    /// `Host` is missing, repeated or not one host with an optional port (RFC 9112 section 3.2).
    #[error("missing, repeated or malformed Host")]
    Host,
    /// `Content-Length` is repeated or not a plain number (RFC 9110 section 8.6).
    #[error("repeated or malformed Content-Length")]
    ContentLength,
    /// `Transfer-Encoding` is anything but one final `chunked`, or comes with HTTP/1.0 (RFC 9112 section 6.1).
    #[error("unsupported Transfer-Encoding")]
    TransferEncoding,
    /// Both `Content-Length` and `Transfer-Encoding`: the makings of request smuggling (RFC 9112 section 6.1).
    #[error("both Content-Length and Transfer-Encoding")]
    ConflictingLength,
    /// An `Expect` other than `100-continue` (RFC 9110 section 10.1.1).
    #[error("unknown expectation")]
    Expectation,
    /// A chunk, its size, extension or trailer isn't well-formed (RFC 9112 section 7.1), or there is more of the latter than
    /// anybody needs.
    #[error("malformed chunked body, or too much in it beside its data")]
    Chunk,
    /// The body is larger than `max_body`.
    #[error("request body too large")]
    BodyTooLarge,
    /// The request head or body came too slowly.
    #[error("request took too long")]
    TooSlow,
}

impl Refusal {
    /// The answer's status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The name of the fault in headers, logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::MalformedHead => "malformed-head",
            Self::ProxyHeader => "unexpected-proxy-header",
            Self::BareLineFeed => "bare-lf",
            Self::MalformedTarget => "malformed-target",
            Self::UriTooLong => "uri-too-long",
            Self::HeadTooLarge => "head-too-large",
            Self::TooManyHeaders => "too-many-headers",
            Self::Version => "version",
            Self::Method => "method",
            Self::Host => "host",
            Self::ContentLength => "content-length",
            Self::TransferEncoding => "transfer-encoding",
            Self::ConflictingLength => "conflicting-length",
            Self::Expectation => "expectation",
            Self::Chunk => "malformed-chunk",
            Self::BodyTooLarge => "body-too-large",
            Self::TooSlow => "request-timeout",
        }
    }
}
