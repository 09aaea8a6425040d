//! What the handshakes of a listener are made with.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use pointsman_core::route::HostPattern;
use rustls::ServerConfig;
use tokio::sync::watch;

use super::certificate::{Certificate, CertificateError, Contents, File, OPEN_KEY, is_readable_by_others};
use super::counts::HandshakeCounts;
use super::fault::TlsFault;
use super::pem::Fault;
use super::policy::Policy;
use super::provider::provider;
use super::resolver::Resolver;
use crate::config::{CertificateFiles, NamedFile, TlsConfig};

const EXPIRED: Fault =
    Fault { message: "has expired: clients refuse it", hint: "put a renewed certificate there" };
const NOT_YET_VALID: Fault = Fault {
    message: "isn't valid yet: clients refuse it",
    hint: "check this machine's clock, or put a certificate there that is valid now",
};
const OPEN_TICKET_KEY: Fault = Fault {
    message: OPEN_KEY.message,
    hint: "take that away (`chmod o-r`), and put a new key there if others could have read it",
};

/// TLS of a listener, shared by all workers.
pub struct ListenerTls {
    config: TlsConfig,
    policy: Mutex<Policy>,
    resolver: Arc<Resolver>,
    counts: HandshakeCounts,
    /// Sends whenever clients are authenticated in another way.
    authentication: watch::Sender<()>,
}

impl ListenerTls {
    /// Reads the files that the configuration names, and makes of them what handshakes need. Sessions of `before`, which the same
    /// listener had, go on where that is permitted.
    ///
    /// # Errors
    ///
    /// Every file that can't be used.
    pub fn load(config: &TlsConfig, before: Option<&Self>) -> Result<Self, Vec<TlsFault>> {
        let mut faults = Vec::new();
        let certificates = load_certificates(config, &mut faults);
        let resolver = Arc::new(Resolver::new(certificates));
        let before = before.map(|before| before.policy.lock().clone());
        let policy = Policy::load(config, Arc::clone(&resolver) as _, before.as_ref());
        let policy = policy.map_err(|found| faults.extend(found)).ok();
        match policy.filter(|_| faults.is_empty()) {
            Some(policy) => Ok(Self {
                config: config.clone(),
                policy: Mutex::new(policy),
                resolver,
                counts: HandshakeCounts::default(),
                authentication: watch::Sender::default(),
            }),
            None => Err(faults),
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &TlsConfig {
        &self.config
    }

    /// The certificates at this moment, in the order of the configuration.
    #[must_use]
    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.resolver.current().all().to_vec()
    }

    /// The file of each certificate, and the time until it expires, seconds; negative once it has.
    #[must_use]
    pub fn validities(&self, now: SystemTime) -> Vec<(String, f64)> {
        let files = self.config.certificates.iter().map(|files| files.cert.path.display().to_string());
        let certificates = self.certificates();
        files.zip(certificates.iter().map(|certificate| certificate.validity().seconds_left(now))).collect()
    }

    /// How its handshakes went.
    #[must_use]
    pub fn counts(&self) -> &HandshakeCounts {
        &self.counts
    }

    /// What should be known of its files though they can serve.
    #[must_use]
    pub fn warnings(&self, now: SystemTime) -> Vec<TlsFault> {
        let of_certificates = (0..self.config.certificates.len()).flat_map(|place| self.doubts(place, now));
        of_certificates.chain(doubts_of_ticket_keys(&self.config)).collect()
    }

    /// The same of one certificate.
    #[must_use]
    pub fn doubts(&self, place: usize, now: SystemTime) -> Vec<TlsFault> {
        let pair = self.config.certificates.get(place).zip(self.certificates().get(place).cloned());
        pair.map(|(files, certificate)| doubts(place, files, &certificate, now)).unwrap_or_default()
    }

    /// Reads the files of a certificate.
    ///
    /// # Errors
    ///
    /// One of them can't be read.
    pub fn read(&self, place: usize) -> Result<Contents, CertificateError> {
        Contents::read(&self.config.certificates[place])
    }

    /// Serves with what the files of a certificate hold now, from the next handshake on.
    ///
    /// # Errors
    ///
    /// A file isn't what it should be, or they don't belong together. Then nothing has changed.
    pub fn renew(&self, place: usize, contents: Contents) -> Result<Arc<Certificate>, CertificateError> {
        let renewed = Certificate::new(contents, &self.config.certificates[place], provider())?;
        let renewed = Arc::new(renewed);
        self.resolver.replace(place, Arc::clone(&renewed));
        Ok(renewed)
    }

    /// The files besides those of certificates.
    pub fn policy_files(&self) -> impl Iterator<Item = &Path> {
        policy_files(&self.config).map(|file| file.path.as_path())
    }

    /// Reads the files besides those of certificates again. Returns whether they are others, which are used from the next handshake on.
    ///
    /// # Errors
    ///
    /// Every file that can't be used. Then nothing has changed.
    pub fn renew_policy(&self) -> Result<bool, Vec<TlsFault>> {
        let before = self.policy.lock().clone();
        let next = Policy::load(&self.config, Arc::clone(&self.resolver) as _, Some(&before))?;
        if next.fingerprint() == before.fingerprint() {
            return Ok(false);
        }
        let is_other = !next.authenticates_as(&before);
        *self.policy.lock() = next;
        if is_other {
            self.authentication.send_replace(());
        }
        Ok(true)
    }

    /// Whether another listener's TLS authenticates clients in the same way.
    #[must_use]
    pub fn authenticates_as(&self, other: &Self) -> bool {
        let other = other.policy.lock().clone();
        self.policy.lock().authenticates_as(&other)
    }

    /// Hears whenever clients are authenticated in another way. The connections until then belong to the way before.
    #[must_use]
    pub fn authentication(&self) -> watch::Receiver<()> {
        self.authentication.subscribe()
    }

    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(self.policy.lock().server())
    }

    /// Whether there is a certificate for a route's host, or for some of its hosts if there may be many. Addresses are nobody's name.
    #[must_use]
    pub fn has_certificate_for_host(&self, host: &HostPattern) -> bool {
        match host {
            HostPattern::Any => true,
            HostPattern::Exact(host) if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() => true,
            HostPattern::Exact(host) => self.has_certificate_for(Some(host)),
            HostPattern::Subdomains(domain) => {
                let is_below = |name: &String| {
                    name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
                };
                self.certificates().iter().any(|certificate| certificate.names().iter().any(is_below))
            }
        }
    }

    pub(super) fn has_certificate_for(&self, name: Option<&str>) -> bool {
        self.resolver.current().has(name)
    }
}

impl fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerTls").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The certificates of a configuration; those that can't be used go to `faults`.
pub(super) fn load_certificates(config: &TlsConfig, faults: &mut Vec<TlsFault>) -> Vec<Arc<Certificate>> {
    let load = |(place, files)| {
        let certificate = Certificate::load(files, provider()).map(Arc::new);
        certificate.map_err(|error| error.of_section(&prefix(place), files))
    };
    let loaded = config.certificates.iter().enumerate().map(load);
    loaded.filter_map(|loaded| loaded.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// What is odd about a certificate that can serve.
fn doubts(
    place: usize,
    files: &CertificateFiles,
    certificate: &Certificate,
    now: SystemTime,
) -> Vec<TlsFault> {
    let doubt = |file: File, fault| {
        TlsFault::of_content(&format!("{}{}", prefix(place), file.key()), file.of(files), fault)
    };
    let validity = certificate.validity();
    let mut doubts = Vec::new();
    if validity.left(now).is_zero() {
        doubts.push(doubt(File::Cert, EXPIRED));
    }
    if !validity.has_begun(now) {
        doubts.push(doubt(File::Cert, NOT_YET_VALID));
    }
    if is_readable_by_others(&files.key.path) {
        doubts.push(doubt(File::Key, OPEN_KEY));
    }
    doubts
}

/// What stands before the keys of a certificate.
fn prefix(place: usize) -> String {
    format!("certificates[{place}].")
}

/// The files besides those of certificates.
fn policy_files(config: &TlsConfig) -> impl Iterator<Item = &NamedFile> {
    let of_clients = config.client_auth.iter().flat_map(|auth| std::iter::once(&auth.ca).chain(&auth.crl));
    config.ticket_keys.iter().chain(of_clients)
}

/// Ticket keys that others may read.
fn doubts_of_ticket_keys(config: &TlsConfig) -> impl Iterator<Item = TlsFault> {
    let open = |(_, file): &(usize, &NamedFile)| is_readable_by_others(&file.path);
    let open = config.ticket_keys.iter().enumerate().filter(open);
    open.map(|(place, file)| TlsFault::of_content(&format!("ticket_keys[{place}]"), file, OPEN_TICKET_KEY))
}

/// All files that a listener's TLS is made from.
pub fn files(config: &TlsConfig) -> impl Iterator<Item = PathBuf> {
    let of_certificates = config.certificates.iter().flat_map(CertificateFiles::all);
    of_certificates.chain(policy_files(config)).map(|file| file.path.clone())
}
