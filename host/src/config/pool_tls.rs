//! `[pool.NAME.tls]`: how the backends of a pool are spoken to over TLS.

use std::net::IpAddr;

use super::address::host_name;
use super::certificate_files::{CertificateFiles, NamedFile, file};
use super::read::{Section, Value};

const TLS: &str = "write `[pool.NAME.tls]` above its keys, or `tls = {}` in the pool";

/// TLS towards the backends of a pool.
#[derive(Debug, Clone)]
pub struct PoolTlsConfig {
    /// The name that is asked for and that certificates have to be for. `server_name`; by default each backend's host, or its IP
    /// address if it has none.
    pub server_name: Option<String>,
    /// Authorities whose certificates are accepted, in PEM form. `ca`; those of the system if there is none.
    pub ca: Option<NamedFile>,
    /// The proxy's own certificate, for backends that ask for one. `cert` and `key`.
    pub identity: Option<CertificateFiles>,
    /// Whether any certificate is accepted. `insecure_skip_verify`, no.
    pub insecure_skip_verify: bool,
    /// Line of the section in the file, for what shows only when files are read.
    pub line: usize,
}

/// The same settings are the same, on whatever line they stand.
impl PartialEq for PoolTlsConfig {
    fn eq(&self, other: &Self) -> bool {
        (&self.server_name, &self.ca, &self.identity, self.insecure_skip_verify)
            == (&other.server_name, &other.ca, &other.identity, other.insecure_skip_verify)
    }
}

/// Reads the section.
pub(super) fn pool_tls(value: &Value<'_>) -> Option<PoolTlsConfig> {
    let line = value.line();
    Section::read(value, TLS, |section| {
        let server_name =
            section.get("server_name").map_or(Some(None), |value| server_name(&value).map(Some));
        let ca = section.get("ca").map_or(Some(None), |value| file(&value).map(Some));
        let identity = identity(section);
        let insecure_skip_verify = section.boolean("insecure_skip_verify", false);
        if insecure_skip_verify && section.get("ca").is_some() {
            let message = "isn't used: with `insecure_skip_verify` nothing is verified";
            section.fail("ca", message, "remove `insecure_skip_verify`");
        }
        let (server_name, ca, identity) = (server_name?, ca?, identity?);
        Some(PoolTlsConfig { server_name, ca, identity, insecure_skip_verify, line })
    })
}

fn server_name(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    if text.parse::<IpAddr>().is_ok() {
        return Some(text.to_owned());
    }
    if let Err(message) = host_name(text) {
        value.fail(
            message,
            "write the name that the backends' certificates are for, such as `\"api.example.com\"`",
        );
        return None;
    }
    Some(text.to_owned())
}

fn identity(section: &mut Section<'_>) -> Option<Option<CertificateFiles>> {
    let (cert, key) = (section.get("cert"), section.get("key"));
    match (&cert, &key) {
        (None, None) => Some(None),
        (Some(cert), Some(key)) => {
            let (cert, key) = (file(cert), file(key));
            Some(Some(CertificateFiles { cert: cert?, key: key?, ocsp: None, ordered_for: None }))
        }
        (Some(_), None) => {
            section.fail("key", "is missing: the certificate alone is no use", "write `key = \"proxy.key\"`");
            None
        }
        (None, Some(_)) => {
            section.fail("cert", "is missing: the key alone is no use", "write `cert = \"proxy.crt\"`");
            None
        }
    }
}
