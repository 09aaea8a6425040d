//! The certificates that handshakes are answered with at this moment.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::names::{Certificates, Slot};

/// The certificates of a listener, which are replaced while handshakes are made.
#[derive(Debug)]
pub(super) struct Resolver(Mutex<Arc<Certificates>>);

impl Resolver {
    /// Answers with these certificates.
    pub(super) fn new(certificates: Vec<Slot>) -> Self {
        Self(Mutex::new(Arc::new(Certificates::new(certificates))))
    }

    /// The certificates at this moment.
    pub(super) fn current(&self) -> Arc<Certificates> {
        Arc::clone(&self.0.lock())
    }

    /// Puts a certificate in the place of another one, from the next handshake on. Only one thread does this.
    pub(super) fn replace(&self, place: usize, certificate: Arc<Certificate>) {
        let mut all = self.current().all().to_vec();
        if let Some(before) = all.get_mut(place) {
            *before = Slot::Filled(certificate);
        }
        // The names are sorted before handshakes have to wait for the lock.
        let next = Arc::new(Certificates::new(all));
        let before = std::mem::replace(&mut *self.0.lock(), next);
        drop(before);
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current();
        let chosen = current.choose(hello.server_name(), hello.signature_schemes());
        chosen.map(|certificate| certificate.certified_key())
    }
}
