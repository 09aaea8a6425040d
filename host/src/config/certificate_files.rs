//! Files and folders that the configuration names: certificates, keys and the like.

use std::path::PathBuf;

use super::read::{Section, Value};

const CERTIFICATE: &str = "write `{ cert = \"site.crt\", key = \"site.key\" }`";

/// A certificate and its private key.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFiles {
    /// The certificate, followed by those that lead to its root, in PEM form.
    pub cert: NamedFile,
    /// The private key in PEM form, not encrypted.
    pub key: NamedFile,
    /// The authority's word that the certificate isn't revoked, in DER form: an OCSP response (RFC 6960).
    pub ocsp: Option<NamedFile>,
    /// The name that it is ordered for, by `acme`: until it is there, the files are missing.
    pub ordered_for: Option<String>,
}

impl CertificateFiles {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &NamedFile> {
        [&self.cert, &self.key].into_iter().chain(&self.ocsp)
    }
}

/// A file that the configuration names, or a folder.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Line that names it, for errors that show only when it is used.
    pub line: usize,
}

/// The same file is the same, on whatever line it is named.
impl PartialEq for NamedFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

pub(super) fn certificate(value: &Value<'_>) -> Option<CertificateFiles> {
    Section::read(value, CERTIFICATE, |section| {
        let cert = section.required("cert", "cert = \"site.crt\"").and_then(|value| file(&value));
        let key = section.required("key", "key = \"site.key\"").and_then(|value| file(&value));
        let ocsp = section.get("ocsp").map_or(Some(None), |value| file(&value).map(Some));
        Some(CertificateFiles { cert: cert?, key: key?, ocsp: ocsp?, ordered_for: None })
    })
}

pub(super) fn file(value: &Value<'_>) -> Option<NamedFile> {
    Some(NamedFile { path: value.path()?, line: value.line() })
}
