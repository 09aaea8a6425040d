//! What the handshakes of a listener are made with.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};

use super::certificate::{Certificate, CertificateError, Contents, File, is_readable_by_others};
use super::counts::HandshakeCounts;
use super::resolver::Resolver;
use crate::config::{CertificateFiles, NamedFile, TlsConfig, TlsVersion};

/// The application protocols that are offered, the preferred one first.
const PROTOCOLS: [&[u8]; 1] = [b"http/1.1"];

/// The cryptography of all handshakes.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// TLS of a listener, shared by all workers.
pub struct ListenerTls {
    config: TlsConfig,
    server: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
    counts: HandshakeCounts,
}

/// A fault of a listener's TLS that shows when its files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFault {
    /// The key within `listener.tls`; empty if it is the section as a whole.
    pub key: String,
    /// Its line in the configuration file; none if it is the section as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// The cryptography of all handshakes.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    &PROVIDER
}

impl ListenerTls {
    /// Reads the files that the configuration names, and makes of them what handshakes need.
    ///
    /// # Errors
    ///
    /// Every file that can't be used.
    pub fn load(config: &TlsConfig) -> Result<Self, Vec<TlsFault>> {
        let mut faults = Vec::new();
        let certificates = load_certificates(config, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let resolver = Arc::new(Resolver::new(certificates));
        let server = server(config, &resolver).map_err(|error| {
            let (key, hint) = (String::new(), String::new());
            vec![TlsFault { key, line: None, message: error.to_string(), hint }]
        })?;
        Ok(Self {
            config: config.clone(),
            server: Arc::new(server),
            resolver,
            counts: HandshakeCounts::default(),
        })
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

    /// How its handshakes went.
    #[must_use]
    pub fn counts(&self) -> &HandshakeCounts {
        &self.counts
    }

    /// What should be known of its files though they can serve.
    #[must_use]
    pub fn warnings(&self, now: SystemTime) -> Vec<TlsFault> {
        (0..self.config.certificates.len()).flat_map(|place| self.doubts(place, now)).collect()
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

    pub(super) fn server(&self) -> &Arc<ServerConfig> {
        &self.server
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
        Certificate::load(files, provider()).map(Arc::new).map_err(|error: CertificateError| TlsFault {
            key: format!("certificates[{place}].{}", error.file.key()),
            line: Some(error.file.of(files).line),
            message: error.message,
            hint: error.hint,
        })
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
    let doubt = |file: File, message: &str, hint: &str| {
        let NamedFile { path, line } = file.of(files);
        TlsFault {
            key: format!("certificates[{place}].{}", file.key()),
            line: Some(*line),
            message: format!("{} {message}", path.display()),
            hint: hint.to_owned(),
        }
    };
    let validity = certificate.validity();
    let mut doubts = Vec::new();
    if validity.left(now).is_zero() {
        doubts.push(doubt(File::Cert, "has expired: clients refuse it", "put a renewed certificate there"));
    }
    if !validity.has_begun(now) {
        let hint = "check this machine's clock, or put a certificate there that is valid now";
        doubts.push(doubt(File::Cert, "isn't valid yet: clients refuse it", hint));
    }
    if is_readable_by_others(&files.key.path) {
        let hint = "take that away (`chmod o-r`), and renew the key if others could have read it";
        doubts.push(doubt(File::Key, "may be read by every user of this machine", hint));
    }
    doubts
}

/// All files that a listener's TLS is made from.
pub fn files(config: &TlsConfig) -> impl Iterator<Item = PathBuf> {
    config.certificates.iter().flat_map(|files| [files.cert.path.clone(), files.key.path.clone()])
}

fn server(config: &TlsConfig, resolver: &Arc<Resolver>) -> Result<ServerConfig, rustls::Error> {
    let versions = match config.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth();
    let mut server = builder.with_cert_resolver(Arc::clone(resolver) as _);
    server.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    // Without tickets nothing is resumed: a store would be kept for each listener, and know a part of its clients only.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(server)
}
