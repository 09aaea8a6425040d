//! The cryptography of all handshakes.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// The cryptography of all handshakes.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    &PROVIDER
}
