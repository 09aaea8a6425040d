//! Certificates, and clients and backends that speak TLS.

mod authority;
mod backend;
mod client;
mod version_1;

pub use authority::{Authority, Issued, Leaf};
pub(crate) use backend::config;
pub use backend::{Cryptography, Then, TlsBackend, TlsReader, respond, send};
pub use client::{Tls, TlsClient};
