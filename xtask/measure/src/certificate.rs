//! The certificate of a proxy that is measured or counted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

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

    /// Puts it where a configuration finds it: `site.crt` and `site.key`, and both of them in `site.pem`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("site.pem"), format!("{}{}", self.pem, self.key))
            .context("cannot write a certificate")?;
        fs::write(folder.join("site.crt"), &self.pem).context("cannot write a certificate")?;
        fs::write(folder.join("site.key"), &self.key).context("cannot write a key")
    }

    /// A client that trusts it, and offers this protocol.
    pub(crate) fn client(&self, alpn: &[u8]) -> Result<ClientConfig> {
        self.client_by(aws_lc_rs::default_provider(), &[&version::TLS13, &version::TLS12], alpn)
    }

    /// A server that has it, and knows what [`Self::narrow_client`] knows.
    pub(crate) fn narrow_server(&self) -> Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(narrow_provider()))
            .with_protocol_versions(&[&version::TLS13])?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        let mut server = builder.with_no_client_auth().with_single_cert(vec![self.der.clone()], key)?;
        server.send_tls13_tickets = 0;
        Ok(server)
    }

    /// A client that trusts it, offers this protocol, and knows one version, suite and group only; it never comes back to a session.
    /// So every server does the same work, whatever it would choose.
    pub(crate) fn narrow_client(&self, alpn: &[u8]) -> Result<ClientConfig> {
        let mut client = self.client_by(narrow_provider(), &[&version::TLS13], alpn)?;
        client.resumption = Resumption::disabled();
        Ok(client)
    }

    fn client_by(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[u8],
    ) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let builder =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions)?;
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![alpn.to_vec()];
        Ok(client)
    }
}

fn narrow_provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    }
}
