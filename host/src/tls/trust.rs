//! Whose certificates are accepted of backends.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::pem::Fault;
use super::provider::provider;

/// The authorities that this machine trusts, once they have been read.
static SYSTEM: Mutex<Option<Arc<RootCertStore>>> = Mutex::new(None);

const NONE_OF_SYSTEM: Fault = Fault {
    message: "no certificates of authorities are installed on this machine",
    hint: "install them (the package is mostly called `ca-certificates`), or name those of the backends: `ca = \"authorities.crt\"`",
};
const NO_AUTHORITY: Fault = Fault {
    message: "holds a certificate that can't be an authority",
    hint: "name a file with the certificates of authorities, in X.509 version 3",
};

/// The authorities that this machine trusts. They are read once.
pub(super) fn system() -> Result<Arc<RootCertStore>, Fault> {
    let mut known = SYSTEM.lock();
    if let Some(known) = &*known {
        return Ok(Arc::clone(known));
    }
    let mut roots = RootCertStore::empty();
    // What can't be read or parsed may be one old certificate of many.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(NONE_OF_SYSTEM);
    }
    Ok(Arc::clone(known.insert(Arc::new(roots))))
}

/// These authorities.
pub(super) fn these(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<RootCertStore>, Fault> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|_| NO_AUTHORITY)?;
    }
    Ok(Arc::new(roots))
}

/// Accepts what leads to one of these authorities.
pub(super) fn verifier(roots: Arc<RootCertStore>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider())).build();
    verifier.map(|verifier| verifier as _).map_err(|error| error.to_string())
}

/// Accepts any certificate whose key the backend has.
#[derive(Debug)]
pub(super) struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
