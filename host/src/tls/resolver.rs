//! The certificates that handshakes are answered with.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::names::Certificates;

/// The certificates of a listener.
#[derive(Debug)]
pub(super) struct Resolver(Arc<Certificates>);

impl Resolver {
    /// Answers with these certificates.
    pub(super) fn new(certificates: Vec<Arc<Certificate>>) -> Self {
        Self(Arc::new(Certificates::new(certificates)))
    }

    /// The certificates at this moment.
    pub(super) fn current(&self) -> Arc<Certificates> {
        Arc::clone(&self.0)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current();
        let chosen = current.choose(hello.server_name(), hello.signature_schemes());
        chosen.map(|certificate| certificate.certified_key())
    }
}
