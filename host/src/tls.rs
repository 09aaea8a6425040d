//! TLS towards clients: certificates, their choice by name, and handshakes.
//!
//! A [`ListenerTls`] is what a listener's handshakes are made with. Its certificates are replaced while it serves; everything else
//! about it stays. rustls does the cryptography with aws-lc-rs, which is passed to it explicitly: no process-wide default exists.

mod certificate;
mod client_auth;
mod counts;
mod fault;
mod handshake;
mod identity;
mod listener;
mod names;
mod pem;
mod policy;
mod provider;
mod resolver;
mod stream;
mod ticket_keys;

pub use certificate::{Certificate, CertificateError, Contents, File, Fingerprint, Validity};
pub use counts::{HandshakeCounts, HandshakeFailure};
pub use fault::TlsFault;
pub use handshake::{Handshake, HandshakeError};
pub use identity::ClientIdentity;
pub use listener::{ListenerTls, files};
pub use stream::TlsStream;
