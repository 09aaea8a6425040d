//! What is spoken.

/// What clients speak to a contender, and it to backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speech {
    /// Whether it is over TLS.
    pub(crate) tls: bool,
    /// HTTP/2 with this many streams a connection; 0 is HTTP/1.1.
    http2_streams: usize,
    /// What backends speak.
    pub(crate) behind: Behind,
}

/// What backends speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// HTTP/1.1 in clear.
    Http1,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 in clear.
    Http2,
    /// gRPC over HTTP/2 in clear, which clients then speak too.
    Grpc,
}

impl Behind {
    pub(crate) fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Grpc)
    }
}

impl Speech {
    /// HTTP/1.1 in clear.
    pub(crate) const HTTP1: Self = Self { tls: false, http2_streams: 0, behind: Behind::Http1 };
    /// HTTP/1.1 over TLS.
    pub(crate) const TLS: Self = Self { tls: true, ..Self::HTTP1 };
    /// HTTP/1.1 in clear, and over TLS to backends.
    pub(crate) const TO_TLS: Self = Self { behind: Behind::Tls, ..Self::HTTP1 };
    /// HTTP/1.1 in clear, and HTTP/2 in clear to backends.
    pub(crate) const TO_HTTP2: Self = Self { behind: Behind::Http2, ..Self::HTTP1 };

    /// HTTP/2 with this many streams a connection.
    pub(crate) const fn http2(tls: bool, streams: usize) -> Self {
        Self { tls, http2_streams: streams, behind: Behind::Http1 }
    }

    /// gRPC over HTTP/2 in clear on both sides, with this many calls at a time on a client's connection.
    pub(crate) const fn grpc(streams: usize) -> Self {
        Self { behind: Behind::Grpc, ..Self::http2(false, streams) }
    }

    pub(crate) fn is_http2(self) -> bool {
        self.http2_streams > 0
    }

    pub(crate) fn is_grpc(self) -> bool {
        self.behind == Behind::Grpc
    }

    /// Requests that a connection has at a time.
    pub(crate) fn streams(self) -> usize {
        self.http2_streams.max(1)
    }
}
