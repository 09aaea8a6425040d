//! The certificate of a proxy that is counted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// A certificate with a P-256 key, which a client trusts as it is.
#[derive(Debug)]
pub(crate) struct Certificate {
    pem: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Whom it is for.
    pub(crate) const NAME: &'static str = "bench.example";

    pub(crate) fn make() -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([Self::NAME.to_owned()])?;
        Ok(Self { pem: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() })
    }

    /// Puts it where a configuration finds it: `site.crt` and `site.key`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("site.crt"), &self.pem).context("cannot write a certificate")?;
        fs::write(folder.join("site.key"), &self.key).context("cannot write a key")
    }

    /// A client that trusts it, and offers this protocol.
    pub(crate) fn client(&self, alpn: &[u8]) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![alpn.to_vec()];
        Ok(client)
    }
}
