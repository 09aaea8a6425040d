//! A certificate with its private key, read from two files and checked.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::sign;
use rustls::{Error, InconsistentKeys, SignatureScheme};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::fault::{TlsFault, unreadable};
use super::pem::{self, FILE_BYTES, Fault};
use crate::config::{CertificateFiles, NamedFile};
use crate::regular_file;

/// A certificate chain with the private key of its first certificate.
pub struct Certificate {
    key: Arc<sign::CertifiedKey>,
    /// DNS names that it is for, in lower case; a wildcard as `*.example.com`.
    names: Vec<String>,
    validity: Validity,
    /// What it was made from.
    fingerprint: Fingerprint,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub from: SystemTime,
    /// Its last moment.
    pub until: SystemTime,
}

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// The certificate and those that lead to its root.
    Cert,
    /// The private key.
    Key,
}

impl File {
    /// Its key in the configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Cert => "cert",
            Self::Key => "key",
        }
    }

    /// It, of a pair.
    #[must_use]
    pub fn of(self, files: &CertificateFiles) -> &NamedFile {
        match self {
            Self::Cert => &files.cert,
            Self::Key => &files.key,
        }
    }
}

/// Why a pair of files can't be served with. It never quotes a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CertificateError {
    /// The file that is to blame.
    pub file: File,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Whether the file isn't there.
    pub is_missing: bool,
}

impl CertificateError {
    /// It as a fault of a section, in which `prefix` stands before the keys of the files.
    pub(super) fn of_section(self, prefix: &str, files: &CertificateFiles) -> TlsFault {
        let line = Some(self.file.of(files).line);
        let key = format!("{prefix}{}", self.file.key());
        TlsFault { key, line, message: self.message, hint: self.hint }
    }
}

/// The contents of the two files. They never show.
pub struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// Tells contents from others without keeping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of all that was hashed.
    pub(super) fn of(hasher: &DefaultHasher) -> Self {
        Self(hasher.finish())
    }
}

impl Contents {
    /// Their fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        (&self.cert, &self.key).hash(&mut hasher);
        Fingerprint::of(&hasher)
    }

    /// Reads both files.
    ///
    /// # Errors
    ///
    /// One of them can't be read.
    pub fn read(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let read = |file: File, path: &Path| {
            regular_file::read(path, FILE_BYTES).map_err(|error| {
                let is_missing = error.kind() == io::ErrorKind::NotFound;
                let (message, hint) = unreadable(path, &error);
                CertificateError { file, message, hint: hint.into(), is_missing }
            })
        };
        Ok(Self { cert: read(File::Cert, &files.cert.path)?, key: read(File::Key, &files.key.path)? })
    }
}

impl Certificate {
    /// Reads a pair of files and checks that they belong together.
    ///
    /// # Errors
    ///
    /// A file can't be read or isn't what it should be, or they don't belong together.
    pub fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, CertificateError> {
        Self::new(Contents::read(files)?, files, provider)
    }

    /// Makes a certificate of what was read.
    ///
    /// # Errors
    ///
    /// A file isn't what it should be, or they don't belong together.
    pub fn new(
        contents: Contents,
        files: &CertificateFiles,
        provider: &CryptoProvider,
    ) -> Result<Self, CertificateError> {
        let fingerprint = contents.fingerprint();
        let fault = |file: File, Fault { message, hint }: Fault| CertificateError {
            file,
            message: format!("{} {message}", file.of(files).path.display()),
            hint: hint.into(),
            is_missing: false,
        };
        let chain = pem::certificates(&contents.cert).map_err(|found| fault(File::Cert, found))?;
        let key = pem::private_key(&contents.key).map_err(|found| fault(File::Key, found))?;
        let (names, validity) = describe(&chain).map_err(|found| fault(File::Cert, found))?;
        let key = sign::CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => fault(File::Key, MISMATCH),
            Error::InvalidCertificate(_) => fault(File::Cert, UNUSABLE),
            _ => fault(File::Key, UNSUPPORTED),
        })?;
        Ok(Self { key: Arc::new(key), names, validity, fingerprint })
    }

    /// The fingerprint of the contents that it was made from.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// DNS names that it is for, in lower case; a wildcard as `*.example.com`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether its key can sign in one of these ways.
    pub(super) fn can_sign(&self, schemes: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(schemes).is_some()
    }

    /// What rustls answers a handshake with.
    pub(super) fn certified_key(&self) -> Arc<sign::CertifiedKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.names).finish_non_exhaustive()
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

impl Validity {
    /// How much longer it is valid; none at its end and after it.
    #[must_use]
    pub fn left(&self, now: SystemTime) -> Duration {
        self.until.duration_since(now).unwrap_or_default()
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self, now: SystemTime) -> bool {
        self.from <= now
    }
}

/// A key that [others may read](is_readable_by_others).
pub(super) const OPEN_KEY: Fault = Fault {
    message: "may be read by every user of this machine",
    hint: "take that away (`chmod o-r`), and renew the key if others could have read it",
};
const MISMATCH: Fault = Fault {
    message: "isn't the private key of this certificate",
    hint: "name the key that the certificate was made with; if one of the two was renewed, put the other one there, too",
};
const UNUSABLE: Fault = Fault {
    message: "is no certificate that a server can use",
    hint: "put a certificate in X.509 version 3 there, the server's own before those of its authorities",
};
const UNSUPPORTED: Fault = Fault {
    message: "holds a private key of a kind that isn't supported",
    hint: "use ECDSA (P-256, P-384), Ed25519, or RSA from 2048 bits on",
};

/// The names and the validity of the first certificate of a chain.
fn describe(chain: &[CertificateDer<'_>]) -> Result<(Vec<String>, Validity), Fault> {
    let first = chain.first().ok_or(UNUSABLE)?;
    let end_entity = webpki::EndEntityCert::try_from(first).map_err(|_| UNUSABLE)?;
    let (_, parsed) = X509Certificate::from_der(first).map_err(|_| UNUSABLE)?;
    let mut names: Vec<String> = end_entity.valid_dns_names().map(str::to_ascii_lowercase).collect();
    names.dedup();
    let validity = parsed.validity();
    let (from, until) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
    Ok((names, Validity { from, until }))
}

/// A time in seconds since 1970; what lies before that is 1970.
fn moment(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(seconds.try_into().unwrap_or(0));
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whether others than a file's owner and group may read it; unknown is no.
pub(super) fn is_readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}
