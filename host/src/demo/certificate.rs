//! A certificate that the demonstration makes for itself.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// Whom it is for.
pub(super) const NAME: &str = "localhost";

/// A certificate for this machine, and its key, in files.
#[derive(Debug)]
pub(super) struct SelfSigned {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    der: CertificateDer<'static>,
}

impl SelfSigned {
    /// Makes one in this folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).context("cannot make a certificate")?;
        let (certificate, key) = (folder.join("localhost.crt"), folder.join("localhost.key"));
        fs::write(&certificate, cert.pem()).context("cannot write the certificate")?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&key);
        let written = file.and_then(|mut file| file.write_all(signing_key.serialize_pem().as_bytes()));
        written.context("cannot write the certificate's key")?;
        Ok(Self { certificate, key, der: cert.der().clone() })
    }

    /// A client of HTTP/2 that trusts it.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(client))
    }
}
