//! What backends are told of a client's certificate.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::ClientCertHeader;

/// The field that tells of a client's certificate (RFC 9440).
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// Envoy's field for it.
const XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// The field that tells backends who an authenticated client is. It is the same for all requests of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
}

impl ClientIdentity {
    /// Of a client with this certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>, header: ClientCertHeader) -> Option<Self> {
        let (name, value) = match header {
            ClientCertHeader::ClientCert => (CLIENT_CERT, format!(":{}:", STANDARD.encode(certificate))),
            ClientCertHeader::Xfcc => (XFCC, xfcc(certificate)),
            ClientCertHeader::None => return None,
        };
        Some(Self { name, value: HeaderValue::try_from(value).ok()? })
    }
}

/// Hash, subject, URIs and DNS names of a certificate.
fn xfcc(certificate: &CertificateDer<'_>) -> String {
    let mut value = "Hash=".to_owned();
    for byte in digest(&SHA256, certificate).as_ref() {
        let _ = write!(value, "{byte:02x}");
    }
    if let Ok((_, parsed)) = X509Certificate::from_der(certificate) {
        let _ = write!(value, ";Subject={}", quoted(&parsed.subject().to_string()));
    }
    if let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) {
        for uri in parsed.valid_uri_names() {
            let _ = write!(value, ";URI={}", quoted(uri));
        }
        for name in parsed.valid_dns_names() {
            let _ = write!(value, ";DNS={}", quoted(name));
        }
    }
    value
}

/// A text in quotes, so that nothing of it can end it; what a field's value can't hold is a question mark.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            ' '..='~' => quoted.push(sign),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(quoted("CN=a\";URI=\"x\\"), r#""CN=a\";URI=\"x\\""#);
        assert_eq!(quoted("CN=\u{e4}\r\n,O=b"), "\"CN=???,O=b\"");
    }
}
