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
use x509_parser::asn1_rs::{Enumerated, FromDer as _, Sequence};
use x509_parser::prelude::X509Certificate;

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

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// The certificate and those that lead to its root.
    Cert,
    /// The private key.
    Key,
    /// The OCSP response.
    Ocsp,
}

impl File {
    /// Its key in the configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Cert => "cert",
            Self::Key => "key",
            Self::Ocsp => "ocsp",
        }
    }

    /// It, of those of a certificate.
    #[must_use]
    pub fn of(self, files: &CertificateFiles) -> &NamedFile {
        match self {
            Self::Cert => &files.cert,
            Self::Key => &files.key,
            Self::Ocsp => files.ocsp.as_ref().unwrap_or(&files.cert),
        }
    }
}

/// Why a certificate's files can't be served with. It never quotes a file.
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

/// The contents of the files. They never show.
pub struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    ocsp: Option<Vec<u8>>,
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
        (&self.cert, &self.key, &self.ocsp).hash(&mut hasher);
        Fingerprint::of(&hasher)
    }

    /// Those of one file for both.
    #[must_use]
    pub fn in_one(pem: &[u8]) -> Self {
        Self { cert: pem.to_owned(), key: pem.to_owned(), ocsp: None }
    }

    /// Reads the files.
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
        let (cert, key) = (read(File::Cert, &files.cert.path)?, read(File::Key, &files.key.path)?);
        let ocsp = files.ocsp.as_ref().map(|file| read(File::Ocsp, &file.path)).transpose()?;
        Ok(Self { cert, key, ocsp })
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
        if let Some(response) = &contents.ocsp {
            check_ocsp(response).map_err(|found| fault(File::Ocsp, found))?;
        }
        let mut key = sign::CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => fault(File::Key, MISMATCH),
            Error::InvalidCertificate(_) => fault(File::Cert, UNUSABLE),
            _ => fault(File::Key, UNSUPPORTED),
        })?;
        key.ocsp = contents.ocsp;
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
    /// How long it is valid in all.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.until.duration_since(self.from).unwrap_or_default()
    }

    /// How much longer it is valid; none at its end and after it.
    #[must_use]
    pub fn left(&self, now: SystemTime) -> Duration {
        self.until.duration_since(now).unwrap_or_default()
    }

    /// How much longer it is valid, seconds; negative after its end.
    #[must_use]
    pub fn seconds_left(&self, now: SystemTime) -> f64 {
        match self.until.duration_since(now) {
            Ok(left) => left.as_secs_f64(),
            Err(past) => -past.duration().as_secs_f64(),
        }
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
const NO_OCSP: Fault = Fault {
    message: "is no OCSP response in DER form that says anything of a certificate",
    hint: "put the authority's response there, as `openssl ocsp -respout` writes it, or leave `ocsp` out",
};
const UNSUPPORTED: Fault = Fault {
    message: "holds a private key of a kind that isn't supported",
    hint: "use ECDSA (P-256, P-384), Ed25519, or RSA from 2048 bits on",
};

/// Checks that this is the response of an authority that has one to give (RFC 6960 section 4.2.1). What it says is for clients to judge.
fn check_ocsp(response: &[u8]) -> Result<(), Fault> {
    let (rest, response) = Sequence::from_der(response).map_err(|_| NO_OCSP)?;
    let (_, status) = Enumerated::from_der(&response.content).map_err(|_| NO_OCSP)?;
    if rest.is_empty() && status.0 == 0 { Ok(()) } else { Err(NO_OCSP) }
}

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

#[cfg(test)]
mod tests {
    use super::super::provider::provider;
    use super::*;

    #[test]
    fn a_response_of_the_authority_is_stapled_and_anything_else_is_no_response() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).expect("a certificate");
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            NamedFile { path, line: 1 }
        };
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let load = |ocsp: &[u8]| {
            let (cert, key) = (file("a.crt", cert.as_bytes()), file("a.key", key.as_bytes()));
            let files = CertificateFiles { cert, key, ocsp: Some(file("a.ocsp", ocsp)), ordered_for: None };
            Certificate::load(&files, provider()).map(|certificate| certificate.certified_key().ocsp.clone())
        };
        // Successful, with nothing behind it.
        let good = [0x30, 3, 0x0a, 1, 0];
        assert_eq!(load(&good).expect("a good one"), Some(good.to_vec()));
        // `tryLater`, cut off, followed by more, PEM, nothing.
        for bad in [&[0x30, 3, 0x0a, 1, 3][..], &good[..4], &[0x30, 3, 0x0a, 1, 0, 0], b"-----BEGIN", b""] {
            let error = load(bad).expect_err("a bad one");
            assert!(
                error.file == File::Ocsp && error.message.ends_with("says anything of a certificate"),
                "{error}"
            );
        }
    }
}
