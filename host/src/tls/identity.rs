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

/// What tells backends who an authenticated client is. It is the same for all requests of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The field that tells of it in each request, unless none does.
    pub field: Option<(HeaderName, HeaderValue)>,
    /// The certificate as `Client-Cert` has it (RFC 9440 section 2.2), whatever the field is.
    pub certificate: HeaderValue,
}

/// What a handshake says of a client.
#[derive(Debug, Default)]
pub struct TlsClient {
    /// Who it is, if it is authenticated.
    pub identity: Option<Box<ClientIdentity>>,
    /// The name that it has asked for (RFC 6066 section 3).
    pub server_name: Option<Box<str>>,
}

impl ClientIdentity {
    /// Of a client with this certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>, header: ClientCertHeader) -> Option<Self> {
        let whole = HeaderValue::try_from(format!(":{}:", STANDARD.encode(certificate))).ok()?;
        let field = match header {
            ClientCertHeader::ClientCert => Some((CLIENT_CERT, whole.clone())),
            ClientCertHeader::Xfcc => Some((XFCC, HeaderValue::try_from(xfcc(certificate)).ok()?)),
            ClientCertHeader::None => None,
        };
        Some(Self { field, certificate: whole })
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
