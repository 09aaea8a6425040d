//! What the handshakes with the backends of a pool are made with.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use pointsman_core::address::Address;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

use super::certificate::{Certificate, Fingerprint, OPEN_KEY, Validity, is_readable_by_others};
use super::fault::{TlsFault, content};
use super::pem::{self, Fault};
use super::provider::provider;
use super::trust;
use crate::config::{NamedFile, PoolTlsConfig};

/// Most backends of a pool whose sessions are kept: with eight tickets each, of a few KiB, some 10 MiB.
const BACKENDS: usize = 256;

/// Sessions of one backend, in rustls's count: those of four names.
const SESSIONS: usize = 32;

const EXPIRED: Fault =
    Fault { message: "has expired: backends refuse it", hint: "put a renewed certificate there" };

/// TLS towards the backends of a pool, shared by all workers and the health checks.
pub struct BackendTls {
    config: PoolTlsConfig,
    current: Mutex<Current>,
}

/// What a handshake with one backend is made with.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) config: Arc<ClientConfig>,
    /// Whether there was a handshake with it before, whose session may go on.
    pub(super) is_known: bool,
    /// What the files held.
    fingerprint: Fingerprint,
}

/// What the files hold.
struct Current {
    /// Without sessions.
    client: Arc<ClientConfig>,
    /// The same for each backend that a handshake was made with, with its sessions; none where sessions aren't kept. One name may lead to
    /// backends that have neither keys nor cryptography in common.
    known: Option<HashMap<Address, Arc<ClientConfig>>>,
    /// When the proxy's own certificate is valid.
    validity: Option<Validity>,
    fingerprint: Fingerprint,
}

impl BackendTls {
    /// Reads the files that the configuration names, or the system's authorities.
    ///
    /// # Errors
    ///
    /// Every file that can't be used.
    pub fn load(config: &PoolTlsConfig) -> Result<Self, Vec<TlsFault>> {
        let current = Mutex::new(Current::load(config)?);
        Ok(Self { config: config.clone(), current })
    }

    /// Begins each connection anew.
    pub(super) fn without_sessions(self) -> Self {
        self.current.lock().known = None;
        self
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &PoolTlsConfig {
        &self.config
    }

    /// The files that it is made from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        named_files(&self.config).map(|file| file.path.as_path())
    }

    /// Reads the files again. Returns whether they are others, which are used from the next handshake on. Sessions don't go on from
    /// before, as who goes on isn't verified again.
    ///
    /// # Errors
    ///
    /// Every file that can't be used. Then nothing has changed.
    pub fn renew(&self) -> Result<bool, Vec<TlsFault>> {
        let mut next = Current::load(&self.config)?;
        let mut current = self.current.lock();
        if next.fingerprint == current.fingerprint {
            return Ok(false);
        }
        next.known = current.known.as_ref().map(|_| HashMap::new());
        *current = next;
        Ok(true)
    }

    /// What should be known of it though it can be used.
    #[must_use]
    pub fn warnings(&self, now: SystemTime) -> Vec<TlsFault> {
        let mut warnings = Vec::new();
        if self.config.insecure_skip_verify {
            warnings.push(TlsFault {
                key: "insecure_skip_verify".into(),
                line: Some(self.config.line),
                message: "backends aren't verified: whoever can redirect a connection reads and changes what is sent on it"
                    .into(),
                hint: "name the authorities of their certificates (`ca`), and remove it".into(),
            });
        }
        let Some(identity) = &self.config.identity else { return warnings };
        let validity = self.current.lock().validity;
        if validity.is_some_and(|validity| validity.left(now).is_zero()) {
            warnings.push(TlsFault::of_content("cert", &identity.cert, EXPIRED));
        }
        if is_readable_by_others(&identity.key.path) {
            warnings.push(TlsFault::of_content("key", &identity.key, OPEN_KEY));
        }
        warnings
    }

    /// What the next handshake with a backend is made with.
    pub(super) fn client(&self, backend: &Address) -> Client {
        let current = self.current.lock();
        let known = current.known.as_ref().map(|known| known.get(backend).map(Arc::clone));
        let (config, is_known) = match known {
            Some(Some(config)) => (config, true),
            Some(None) => {
                let mut config = ClientConfig::clone(&current.client);
                config.resumption = Resumption::in_memory_sessions(SESSIONS);
                (Arc::new(config), false)
            }
            None => (Arc::clone(&current.client), false),
        };
        Client { config, is_known, fingerprint: current.fingerprint }
    }

    /// Keeps the sessions of a backend, unless they were made with other files than those of now.
    pub(super) fn keep(&self, backend: &Address, client: &Client) {
        let mut current = self.current.lock();
        if client.is_known || client.fingerprint != current.fingerprint {
            return;
        }
        let Some(known) = &mut current.known else { return };
        if known.len() >= BACKENDS
            && let Some(any) = known.keys().next().cloned()
        {
            known.remove(&any);
        }
        known.entry(backend.clone()).or_insert_with(|| Arc::clone(&client.config));
    }

    /// Begins the next connection to a backend anew.
    pub(super) fn forget(&self, backend: &Address) {
        if let Some(known) = &mut self.current.lock().known {
            known.remove(backend);
        }
    }
}

impl fmt::Debug for BackendTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendTls").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Current {
    fn load(config: &PoolTlsConfig) -> Result<Self, Vec<TlsFault>> {
        let mut faults = Vec::new();
        let mut hasher = DefaultHasher::new();
        let verifier = verifier(config, &mut hasher).map_err(|fault| faults.push(fault)).ok();
        let identity = identity(config).map_err(|fault| faults.push(fault)).ok();
        let (Some(verifier), Some(identity)) = (verifier, identity) else { return Err(faults) };
        identity.as_ref().map(Certificate::fingerprint).hash(&mut hasher);
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| vec![TlsFault::of_section(&error)])?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut client = match &identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())))
            }
        };
        let validity = identity.map(|identity| identity.validity());
        client.resumption = Resumption::disabled();
        Ok(Self {
            client: Arc::new(client),
            known: Some(HashMap::new()),
            validity,
            fingerprint: Fingerprint::of(&hasher),
        })
    }
}

/// What checks the backends' certificates.
fn verifier(
    config: &PoolTlsConfig,
    hasher: &mut DefaultHasher,
) -> Result<Arc<dyn ServerCertVerifier>, TlsFault> {
    if config.insecure_skip_verify {
        return Ok(Arc::new(trust::Unverified));
    }
    let roots = match &config.ca {
        None => trust::system().map_err(|fault| TlsFault {
            key: String::new(),
            line: Some(config.line),
            message: fault.message.to_owned(),
            hint: fault.hint.to_owned(),
        })?,
        Some(file) => {
            let authorities = content("ca", file, pem::authorities)?;
            authorities.iter().for_each(|authority| (**authority).hash(hasher));
            trust::these(authorities).map_err(|fault| TlsFault::of_content("ca", file, fault))?
        }
    };
    trust::verifier(roots).map_err(|error| TlsFault::of_section(&error))
}

/// The proxy's own certificate.
fn identity(config: &PoolTlsConfig) -> Result<Option<Certificate>, TlsFault> {
    let Some(files) = &config.identity else { return Ok(None) };
    let certificate = Certificate::load(files, provider());
    certificate.map(Some).map_err(|error| error.of_section("", files))
}

fn named_files(config: &PoolTlsConfig) -> impl Iterator<Item = &NamedFile> {
    let of_identity = config.identity.iter().flat_map(|files| [&files.cert, &files.key]);
    config.ca.iter().chain(of_identity)
}

/// All files that a pool's TLS is made from.
pub fn backend_files(config: &PoolTlsConfig) -> impl Iterator<Item = PathBuf> {
    named_files(config).map(|file| file.path.clone())
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher as _;

    use super::*;

    fn tls() -> BackendTls {
        let config = PoolTlsConfig {
            server_name: None,
            ca: None,
            identity: None,
            insecure_skip_verify: true,
            line: 1,
        };
        BackendTls::load(&config).expect("there are no files")
    }

    fn backend(port: u16) -> Address {
        Address::Tcp(([192, 0, 2, 1], port).into())
    }

    #[test]
    fn each_backend_has_sessions_of_its_own() {
        let tls = tls();
        for port in 1..=1_000 {
            let first = tls.client(&backend(port));
            assert!(!first.is_known);
            tls.keep(&backend(port), &first);
            let again = tls.client(&backend(port));
            assert!(again.is_known && Arc::ptr_eq(&again.config, &first.config));
            let kept = tls.current.lock().known.as_ref().map(HashMap::len);
            assert!(kept.is_some_and(|kept| kept <= BACKENDS), "{kept:?}");
        }
        tls.forget(&backend(1_000));
        assert!(!tls.client(&backend(1_000)).is_known);
    }

    #[test]
    fn no_session_outlives_what_it_was_made_with() {
        let tls = tls();
        let old = Client { fingerprint: Fingerprint::of(&DefaultHasher::new()), ..tls.client(&backend(1)) };
        tls.current.lock().fingerprint = {
            let mut other = DefaultHasher::new();
            other.write_u8(1);
            Fingerprint::of(&other)
        };
        tls.keep(&backend(1), &old);
        assert!(!tls.client(&backend(1)).is_known);
    }

    #[test]
    fn without_sessions_none_is_kept() {
        let tls = tls().without_sessions();
        let client = tls.client(&backend(1));
        tls.keep(&backend(1), &client);
        assert!(!tls.client(&backend(1)).is_known);
    }
}
