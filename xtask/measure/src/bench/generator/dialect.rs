//! What the load generator speaks.

use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;

use crate::bench::speech::Speech;
use crate::certificate::Certificate;

/// A client's side of a protocol.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) speech: Speech,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Dialect {
    /// HTTP/1.1 in clear.
    pub(crate) fn plain() -> Self {
        Self { speech: Speech::HTTP1, tls: None }
    }

    /// This, by a client that trusts a certificate.
    pub(crate) fn new(speech: Speech, certificate: &Certificate) -> Result<Self> {
        let alpn: &[u8] = if speech.is_http2() { b"h2" } else { b"http/1.1" };
        let tls = speech.tls.then(|| certificate.narrow_client(alpn)).transpose()?;
        Ok(Self { speech, tls: tls.map(Arc::new) })
    }
}
