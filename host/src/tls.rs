//! TLS towards clients and backends: certificates, their choice by name, and handshakes.
//!
//! A [`ListenerTls`] is what a listener's handshakes are made with, a [`BackendTls`] what those with the backends of a pool are. Their
//! files are read again while they serve; everything else about them stays. rustls does the cryptography with aws-lc-rs, which is passed to it explicitly: no process-wide default exists.

mod alpn_challenge;
mod backend;
mod backend_handshake;
mod certificate;
mod client_auth;
mod counts;
mod fault;
mod handshake;
mod identity;
mod listener;
mod names;
mod ordered;
mod pem;
mod policy;
mod provider;
mod resolver;
mod stream;
mod ticket_keys;
mod trust;

pub use alpn_challenge::AlpnChallenges;
pub use backend::{BackendTls, backend_files};
pub use backend_handshake::{BackendHandshakeError, BackendHost};
pub use certificate::{Certificate, CertificateError, Contents, File, Fingerprint, Validity};
pub use counts::{HandshakeCounts, HandshakeFailure};
pub use fault::TlsFault;
pub use handshake::{Handshake, HandshakeError};
pub use identity::{ClientIdentity, TlsClient};
pub use listener::{ListenerTls, files};
pub use ordered::{CertificateId, OrderedCertificate, client_of_authority};
pub use stream::TlsStream;
