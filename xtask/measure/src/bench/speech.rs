//! What is spoken.

/// What clients speak to a contender, and it to backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speech {
    /// Whether it is over TLS.
    pub(crate) tls: bool,
    /// HTTP/2 with this many streams a connection; 0 is HTTP/1.1.
    http2_streams: usize,
    /// Whether backends are spoken to over TLS.
    pub(crate) to_tls: bool,
}

impl Speech {
    /// HTTP/1.1 in clear.
    pub(crate) const HTTP1: Self = Self { tls: false, http2_streams: 0, to_tls: false };
    /// HTTP/1.1 over TLS.
    pub(crate) const TLS: Self = Self { tls: true, ..Self::HTTP1 };
    /// HTTP/1.1 in clear, and over TLS to backends.
    pub(crate) const TO_TLS: Self = Self { to_tls: true, ..Self::HTTP1 };

    /// HTTP/2 with this many streams a connection.
    pub(crate) const fn http2(tls: bool, streams: usize) -> Self {
        Self { tls, http2_streams: streams, to_tls: false }
    }

    pub(crate) fn is_http2(self) -> bool {
        self.http2_streams > 0
    }

    /// Requests that a connection has at a time.
    pub(crate) fn streams(self) -> usize {
        self.http2_streams.max(1)
    }
}
