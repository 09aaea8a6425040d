//! Authentication of clients by certificates.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::fault::{TlsFault, content};
use super::pem::{self, Fault};
use super::provider::provider;
use super::trust;
use crate::config::{ClientAuthConfig, ClientAuthMode};

/// With more authorities than this, clients aren't told which ones are accepted: that would be a large message in each handshake.
const MOST_HINTS: usize = 16;

const BAD_LIST: Fault = Fault {
    message: "holds a list of revoked certificates that can't be used",
    hint: "name a file with complete lists in version 2, each signed by its authority",
};

/// Whose certificates are accepted.
pub(super) struct ClientAuth {
    /// What checks them.
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Tells it from any other authentication. A session that goes on isn't checked again, so it may only do so where this is the same.
    pub(super) scope: Vec<u8>,
}

impl ClientAuth {
    /// Reads the files; `None` and more `faults` if they can't be used.
    pub(super) fn read(config: &ClientAuthConfig, faults: &mut Vec<TlsFault>) -> Option<Self> {
        let authorities = content("client_auth.ca", &config.ca, pem::authorities);
        let revoked = match &config.crl {
            Some(file) => content("client_auth.crl", file, pem::revocation_lists),
            None => Ok(Vec::new()),
        };
        let authorities = authorities.map_err(|fault| faults.push(fault)).ok();
        let revoked = revoked.map_err(|fault| faults.push(fault)).ok();
        let (authorities, revoked) = (authorities?, revoked?);
        let scope = scope(config.mode, &authorities, &revoked);
        let roots = match trust::these(authorities) {
            Ok(roots) => roots,
            Err(fault) => {
                faults.push(TlsFault::of_content("client_auth.ca", &config.ca, fault));
                return None;
            }
        };
        let has_many = roots.len() > MOST_HINTS;
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider()));
        if has_many {
            builder = builder.clear_root_hint_subjects();
        }
        if config.mode == ClientAuthMode::Optional {
            builder = builder.allow_unauthenticated();
        }
        match builder.with_crls(revoked).build() {
            Ok(verifier) => Some(Self { verifier, scope }),
            Err(_) => {
                let file = config.crl.as_ref().unwrap_or(&config.ca);
                faults.push(TlsFault::of_content("client_auth.crl", file, BAD_LIST));
                None
            }
        }
    }
}

/// A digest of all that decides whom the verifier accepts; the same on every proxy with these files.
fn scope(
    mode: ClientAuthMode,
    authorities: &[CertificateDer<'_>],
    revoked: &[CertificateRevocationListDer<'_>],
) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    digest.update(&[match mode {
        ClientAuthMode::Required => 1,
        ClientAuthMode::Optional => 2,
    }]);
    for (kind, part) in
        authorities.iter().map(|part| (1, &**part)).chain(revoked.iter().map(|part| (2, &**part)))
    {
        digest.update(&[kind]);
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finish().as_ref().to_vec()
}
