//! What the handshakes with the backends of a pool are made with.

use std::fmt;
use std::hash::{DefaultHasher, Hash};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
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

const EXPIRED: Fault =
    Fault { message: "has expired: backends refuse it", hint: "put a renewed certificate there" };

/// TLS towards the backends of a pool, shared by all workers and the health checks.
pub struct BackendTls {
    config: PoolTlsConfig,
    current: Mutex<Current>,
}

/// What the files hold.
struct Current {
    client: Arc<ClientConfig>,
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

    /// Begins each connection anew. Sessions are kept by name, and what is called the same need not be one server with one set of keys.
    pub(super) fn without_sessions(self) -> Self {
        Arc::make_mut(&mut self.current.lock().client).resumption = Resumption::disabled();
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
        let next = Current::load(&self.config)?;
        let mut current = self.current.lock();
        if next.fingerprint == current.fingerprint {
            return Ok(false);
        }
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

    /// What rustls makes handshakes with.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.current.lock().client)
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
        let client = match &identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())))
            }
        };
        let validity = identity.map(|identity| identity.validity());
        Ok(Self { client: Arc::new(client), validity, fingerprint: Fingerprint::of(&hasher) })
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
            let authorities = content("ca", file, pem::certificates)?;
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
