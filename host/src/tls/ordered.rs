//! Certificates that the proxy orders, and the handshake with the authority that it orders them from.

use rustls_pki_types::{CertificateDer, Der};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use std::path::Path;

use super::backend::BackendTls;
use super::certificate::{Certificate, CertificateError, Contents, Fingerprint, Validity};
use super::fault::TlsFault;
use super::provider::provider;
use crate::config::{AcmeAccountConfig, CertificateFiles, NamedFile, PoolTlsConfig};

/// A certificate that was ordered, as far as it matters to renewing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedCertificate {
    /// When it is valid.
    pub validity: Validity,
    /// DNS names that it is for, in lower case.
    pub names: Vec<String>,
    /// Tells it from others.
    pub fingerprint: Fingerprint,
    /// What its authority knows it by; none if it doesn't say so.
    pub id: Option<CertificateId>,
}

/// What an authority knows a certificate by (RFC 9773 section 4.1), in DER form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateId {
    /// The identifier of the authority's key.
    pub authority_key: Vec<u8>,
    /// The serial number.
    pub serial: Vec<u8>,
}

impl OrderedCertificate {
    /// Reads the file with a certificate and its key.
    ///
    /// # Errors
    ///
    /// It can't be read, or can't be served with.
    pub fn load(path: &Path) -> Result<Self, CertificateError> {
        Ok(Self::of(&Certificate::load(&in_one(path), provider())?))
    }

    /// The same of what such a file, which isn't there yet, is to hold.
    ///
    /// # Errors
    ///
    /// It can't be served with.
    pub fn parse(pem: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::new(Contents::in_one(pem), &in_one(Path::new("")), provider())?;
        Ok(Self::of(&certificate))
    }

    fn of(certificate: &Certificate) -> Self {
        let key = certificate.certified_key();
        Self {
            validity: certificate.validity(),
            names: certificate.names().to_vec(),
            fingerprint: certificate.fingerprint(),
            id: key.cert.first().and_then(id),
        }
    }
}

/// A file that holds the certificate and its key.
fn in_one(path: &Path) -> CertificateFiles {
    let file = NamedFile { path: path.to_owned(), line: 0 };
    CertificateFiles { cert: file.clone(), key: file, ocsp: None, ordered_for: None }
}

fn id(certificate: &CertificateDer<'_>) -> Option<CertificateId> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let authority_key =
        parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(found) => {
                found.key_identifier.as_ref().map(|id| id.0.to_vec())
            }
            _ => None,
        })?;
    Some(CertificateId { authority_key, serial: parsed.raw_serial().to_vec() })
}

impl CertificateId {
    /// Its parts as DER.
    #[must_use]
    pub fn parts(&self) -> (Der<'_>, Der<'_>) {
        (Der::from_slice(&self.authority_key), Der::from_slice(&self.serial))
    }
}

/// What the handshakes with an authority are made with.
///
/// # Errors
///
/// Every file that can't be used.
pub fn client_of_authority(config: &AcmeAccountConfig) -> Result<BackendTls, Vec<TlsFault>> {
    let tls = PoolTlsConfig {
        server_name: None,
        ca: config.ca.clone(),
        identity: None,
        insecure_skip_verify: false,
        line: config.line,
    };
    BackendTls::load(&tls).map(BackendTls::without_sessions)
}
