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

use super::alpn_challenge::AlpnChallenges;
use super::certificate::{Certificate, CertificateError, Contents, File, OPEN_KEY, is_readable_by_others};
use super::counts::HandshakeCounts;
use super::fault::TlsFault;
use super::names::Slot;
use super::pem::Fault;
use super::policy::Policy;
use super::provider::provider;
use super::resolver::Resolver;
use crate::config::{AcmeChallenge, CertificateFiles, NamedFile, TlsConfig};

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
    /// What authorities get who ask by a handshake whether a name leads here; none if they don't.
    challenges: Option<Arc<AlpnChallenges>>,
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
    pub fn load(
        config: &TlsConfig,
        before: Option<&Self>,
        challenges: &Arc<AlpnChallenges>,
    ) -> Result<Self, Vec<TlsFault>> {
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
                challenges: answers_challenges(config).then(|| Arc::clone(challenges)),
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

    /// The certificates that are there at this moment.
    #[must_use]
    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.resolver.current().all().iter().filter_map(Slot::certificate).cloned().collect()
    }

    /// The certificate in this place of the configuration, if it is there.
    #[must_use]
    pub fn certificate(&self, place: usize) -> Option<Arc<Certificate>> {
        self.resolver.current().all().get(place).and_then(Slot::certificate).cloned()
    }

    /// The file of each certificate that is there, and the time until it expires, seconds; negative once it has.
    #[must_use]
    pub fn validities(&self, now: SystemTime) -> Vec<(String, f64)> {
        let files = self.config.certificates.iter().map(|files| files.cert.path.display().to_string());
        let current = self.resolver.current();
        let with_certificates =
            files.zip(current.all()).filter_map(|(file, slot)| Some((file, slot.certificate()?)));
        with_certificates
            .map(|(file, certificate)| (file, certificate.validity().seconds_left(now)))
            .collect()
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
        let pair = self.config.certificates.get(place).zip(self.certificate(place));
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
            HostPattern::Exact(host) => {
                self.has_certificate_for(Some(host)) || self.orders_certificate_for(host)
            }
            HostPattern::Subdomains(domain) => {
                let is_below = |name: &String| {
                    name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
                };
                let is_for_one = |certificate: &Arc<Certificate>| certificate.names().iter().any(is_below);
                let ordered = self.config.acme.iter().flat_map(|acme| &acme.names);
                self.certificates().iter().any(is_for_one) || ordered.map(|name| &name.name).any(is_below)
            }
        }
    }

    fn orders_certificate_for(&self, host: &str) -> bool {
        self.config.acme.iter().flat_map(|acme| &acme.names).any(|name| name.name == host)
    }

    pub(super) fn has_certificate_for(&self, name: Option<&str>) -> bool {
        self.resolver.current().has(name)
    }

    /// Whether a client that asks for this name has to come again when its certificate is there.
    pub(super) fn awaits_certificate_for(&self, name: Option<&str>) -> bool {
        self.config.acme.is_some() && self.resolver.current().is_awaited(name)
    }

    pub(super) fn challenges(&self) -> Option<&Arc<AlpnChallenges>> {
        self.challenges.as_ref()
    }
}

impl fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerTls").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Whether authorities ask by handshakes for the names of a configuration.
fn answers_challenges(config: &TlsConfig) -> bool {
    config.acme.as_ref().is_some_and(|acme| acme.challenge == AcmeChallenge::TlsAlpn01)
}

/// The certificates of a configuration; those that can't be used go to `faults`. One that is ordered may be missing, or be broken: it is
/// ordered again.
pub(super) fn load_certificates(config: &TlsConfig, faults: &mut Vec<TlsFault>) -> Vec<Slot> {
    let load = |(place, files): (usize, &CertificateFiles)| {
        let certificate = Certificate::load(files, provider()).map(Arc::new);
        match (certificate, &files.ordered_for) {
            (Ok(certificate), _) => Ok(Slot::Filled(certificate)),
            (Err(_), Some(name)) => Ok(Slot::Awaited(name.clone())),
            (Err(error), None) => Err(error.of_section(&prefix(place), files)),
        }
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
        let key = match &files.ordered_for {
            Some(_) => "acme".to_owned(),
            None => format!("{}{}", prefix(place), file.key()),
        };
        TlsFault::of_content(&key, file.of(files), fault)
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
