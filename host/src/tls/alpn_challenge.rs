//! What an authority is answered that asks by a handshake whether a name leads here (tls-alpn-01, RFC 8737).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::PrivateKeyDer;

use super::provider::provider;

/// The application protocol that authorities ask for, and nobody else.
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The names that are being validated, each with what such a handshake is made with. All listeners share it.
#[derive(Default)]
pub struct AlpnChallenges(Mutex<HashMap<String, Arc<ServerConfig>>>);

impl AlpnChallenges {
    /// From now on answers for this name that it leads to whoever knows this hash of the key authorization.
    ///
    /// # Errors
    ///
    /// No certificate can be made with them.
    pub fn present(&self, name: &str, hash: &[u8]) -> Result<(), String> {
        let server = server(name, hash)?;
        self.0.lock().insert(name.to_owned(), Arc::new(server));
        Ok(())
    }

    /// Answers for this name no more.
    pub fn withdraw(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// What this handshake is made with, if it is the question of an authority.
    pub(super) fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        let is_question = protocols.next() == Some(ACME_TLS) && protocols.next().is_none();
        let name = hello.server_name().filter(|_| is_question)?;
        self.0.lock().get(&name.to_ascii_lowercase()).cloned()
    }
}

impl fmt::Debug for AlpnChallenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlpnChallenges").finish_non_exhaustive()
    }
}

/// Answers with a certificate that shows the hash, and is good for nothing else.
fn server(name: &str, hash: &[u8]) -> Result<ServerConfig, String> {
    let fault = |error: rcgen::Error| error.to_string();
    if hash.len() != 32 {
        return Err("the key authorization has no SHA-256 hash".to_owned());
    }
    let mut params = CertificateParams::new([name.to_owned()]).map_err(fault)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(hash)];
    let key = KeyPair::generate().map_err(fault)?;
    let certificate = params.self_signed(&key).map_err(fault)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let fault = |error: rustls::Error| error.to_string();
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(fault)?.with_no_client_auth();
    // Not checked: its extension is critical, and known to authorities only.
    let key = provider().key_provider.load_private_key(key).map_err(fault)?;
    let only = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let mut server = builder.with_cert_resolver(Arc::new(only));
    server.alpn_protocols = vec![ACME_TLS.to_vec()];
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(server)
}
