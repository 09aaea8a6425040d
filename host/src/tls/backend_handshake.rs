//! The handshake with one backend.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use pointsman_core::address::Address;
use pointsman_core::counts::TlsFailure;
use pointsman_core::pool::BackendProtocol;
use pointsman_core::printable::Printable;
use rustls::{AlertDescription, CertificateError, Error, OtherError};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::backend::BackendTls;
use super::handshake::BUFFER;
use super::stream::TlsStream;
use crate::socket::Socket;

/// HTTP/2 in ALPN.
const H2: &[u8] = b"h2";

/// HTTP/1.1 in ALPN.
const HTTP1: &[u8] = b"http/1.1";

/// Most names of a certificate that an error says.
const NAMES: usize = 4;

/// Whom a handshake is made with.
#[derive(Debug, Clone, Copy)]
pub struct BackendHost<'a> {
    /// The host that led to its address, if one did.
    pub host: Option<&'a str>,
    /// Its address.
    pub address: &'a Address,
}

/// Why there is no connection over TLS. Nothing of a request was sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct BackendHandshakeError {
    /// What it comes down to.
    pub failure: TlsFailure,
    /// Whether it may come of the session that was to go on. The next handshake begins anew.
    pub is_of_session: bool,
    what: String,
}

impl BackendHandshakeError {
    fn new(failure: TlsFailure, what: impl Into<String>) -> Self {
        Self { failure, is_of_session: false, what: what.into() }
    }
}

impl BackendTls {
    /// Makes the handshake on a new connection to a backend that is to be spoken to in this protocol. Takes as long as the backend does.
    ///
    /// # Errors
    ///
    /// There is no connection over TLS, or it isn't certain with whom, or it is for another protocol.
    pub async fn handshake(
        &self,
        socket: Socket,
        backend: BackendHost<'_>,
        protocol: BackendProtocol,
    ) -> Result<Box<TlsStream>, BackendHandshakeError> {
        let name = self.server_name(backend)?;
        let client = self.client(backend.address);
        let connector = TlsConnector::from(Arc::clone(&client.config));
        let connect = connector.with_alpn(offered(protocol)).connect_with(name.clone(), socket, |session| {
            session.set_buffer_limit(Some(BUFFER));
        });
        let stream = connect.await.map_err(|error| {
            let is_of_session = client.is_known && is_of_session(&error);
            if is_of_session {
                self.forget(backend.address);
            }
            BackendHandshakeError { is_of_session, ..explain(&error, &name) }
        })?;
        self.keep(backend.address, &client);
        let stream = TlsStream::of_backend(stream);
        if protocol == BackendProtocol::H2 && !stream.agreed_on_http2() {
            let message = "it doesn't choose HTTP/2 (`h2` in ALPN), which the pool's `protocol` demands";
            return Err(BackendHandshakeError::new(TlsFailure::Protocol, message));
        }
        Ok(Box::new(stream))
    }

    /// The name that is asked for, and that the certificate has to be for. An IP address isn't asked for.
    fn server_name(&self, backend: BackendHost<'_>) -> Result<ServerName<'static>, BackendHandshakeError> {
        let Some(name) = self.config().server_name.as_deref().or(backend.host) else {
            let missing = || {
                BackendHandshakeError::new(
                    TlsFailure::Name,
                    "a Unix socket has no name that a certificate can be for",
                )
            };
            let address = backend.address.ip().ok_or_else(missing)?;
            return Ok(ServerName::IpAddress(address.to_canonical().into()));
        };
        ServerName::try_from(name.to_owned()).map_err(|_| {
            let what = format!("`{name}` is no name that a certificate can be for");
            BackendHandshakeError::new(TlsFailure::Name, what)
        })
    }
}

/// The application protocols that a backend may choose from.
fn offered(protocol: BackendProtocol) -> Vec<Vec<u8>> {
    match protocol {
        BackendProtocol::Http1 => vec![HTTP1.to_vec()],
        BackendProtocol::H2 => vec![H2.to_vec()],
        BackendProtocol::Auto => vec![H2.to_vec(), HTTP1.to_vec()],
    }
}

/// Whether a handshake may fail in this way because another server than before was offered a session, or one that has changed since.
fn is_of_session(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    error.is_some_and(|error| !matches!(error, Error::InvalidCertificate(_)))
}

/// What is wrong, as a sentence about the backend.
fn explain(error: &io::Error, name: &ServerName<'_>) -> BackendHandshakeError {
    let (failure, what) = match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(error)) => of_certificate(error, name),
        Some(Error::InvalidMessage(_)) => (TlsFailure::NotTls, "what it answers isn't TLS".to_owned()),
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => (
            TlsFailure::Protocol,
            "it speaks none of the protocols that it may choose from (`protocol` of the pool)".to_owned(),
        ),
        Some(Error::AlertReceived(alert)) => {
            (TlsFailure::Alert, format!("it refuses the handshake ({alert:?})"))
        }
        Some(Error::PeerIncompatible(_)) => (
            TlsFailure::Incompatible,
            "it has no version, cipher suite or key exchange in common with us".to_owned(),
        ),
        Some(error) => (TlsFailure::Other, error.to_string()),
        None if error.kind() == ErrorKind::UnexpectedEof => {
            (TlsFailure::Closed, "it closed the connection within the handshake".to_owned())
        }
        None if error.kind() == ErrorKind::ConnectionReset => (TlsFailure::Closed, error.to_string()),
        None => (TlsFailure::Other, error.to_string()),
    };
    BackendHandshakeError::new(failure, what)
}

fn of_certificate(error: &CertificateError, name: &ServerName<'_>) -> (TlsFailure, String) {
    let (failure, what) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (TlsFailure::Validity, "has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (TlsFailure::Validity, "isn't valid yet")
        }
        CertificateError::UnknownIssuer => (TlsFailure::Issuer, "isn't from an authority that is trusted"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            (TlsFailure::Certificate, "isn't for servers")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            return (TlsFailure::Name, of_names(presented, name));
        }
        CertificateError::BadSignature => (TlsFailure::Certificate, "has a wrong signature"),
        error => return (TlsFailure::Certificate, of_odd_certificate(error)),
    };
    (failure, format!("its certificate {what}"))
}

fn of_odd_certificate(error: &CertificateError) -> String {
    let known = match error {
        CertificateError::Other(OtherError(error)) => match error.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::UnsupportedCertVersion) => Some("isn't in X.509 version 3"),
            Some(webpki::Error::CaUsedAsEndEntity) => {
                Some("is that of an authority, which can't be a server's own")
            }
            _ => return format!("its certificate isn't accepted: {error}"),
        },
        _ => None,
    };
    match known {
        Some(what) => format!("its certificate {what}"),
        None => format!("its certificate isn't accepted: {error}"),
    }
}

/// The names of a certificate aren't the expected one.
fn of_names(presented: &[String], name: &ServerName<'_>) -> String {
    let name = name.to_str();
    if presented.is_empty() {
        return format!(
            "its certificate isn't for `{name}`: it has no subject alternative name, and the common name doesn't count"
        );
    }
    // `DnsName("a.test")`, as webpki writes them.
    let plain = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let mut names: Vec<String> = presented.iter().take(NAMES).map(plain).collect();
    if presented.len() > NAMES {
        names.push("others".to_owned());
    }
    format!("its certificate is for {} and not for `{name}`", Printable::name(names.join(", ")))
}
