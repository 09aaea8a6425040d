//! Certificates, and clients that speak TLS.

mod authority;
mod client;

pub use authority::{Authority, Issued, Leaf};
pub use client::{Tls, TlsClient};
