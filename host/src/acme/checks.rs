//! What can be known of orders before any is made.

use std::path::Path;

use super::account;
use super::failure::Failures;
use super::managed::Managed;
use crate::config::AcmeConfig;
use crate::tls::{OrderedCertificate, TlsFault};

/// Everything that keeps certificates from being ordered, as far as files of this machine show it.
#[must_use]
pub fn faults(config: &AcmeConfig) -> Vec<TlsFault> {
    let mut faults = account::https(config).err().unwrap_or_default();
    if let Some(external) = &config.account.external
        && let Err((message, hint)) = account::read_external_key(external)
    {
        let line = Some(external.key.line);
        faults.push(TlsFault { key: "external_account.key_file".into(), line, message, hint: hint.into() });
    }
    if config.storage.folder.exists() && !config.storage.folder.is_dir() {
        faults.push(TlsFault {
            key: "storage".into(),
            line: Some(config.account.line),
            message: format!("{} is no folder", config.storage.folder.display()),
            hint: "name another one, which is made if it isn't there".into(),
        });
    }
    for fault in &mut faults {
        fault.key = if fault.key.is_empty() { "acme".into() } else { format!("acme.{}", fault.key) };
    }
    faults
}

/// The names whose certificates aren't there, with what went wrong when they were ordered.
#[must_use]
pub fn warnings(config: &AcmeConfig) -> Vec<TlsFault> {
    let warning = |(place, managed): (usize, Managed)| {
        let line = config.names.get(place).map(|name| name.line);
        let failures: Option<Failures> = managed.folder.read_json(&managed.failures_file());
        let is_there = has_certificate(&managed.path());
        let (message, hint) = match (is_there, failures) {
            (true, None) => return None,
            (false, None) => (
                "there is no certificate for it yet".to_owned(),
                "it is ordered when the proxy runs, and until then clients that ask for it are refused",
            ),
            (true, Some(failures)) => (
                format!("its certificate couldn't be renewed so far: {}", failures.message),
                "the one before serves on; mend that before it expires",
            ),
            (false, Some(failures)) => (
                format!("there is no certificate for it, as an order has failed: {}", failures.message),
                "mend that; until then clients that ask for it are refused",
            ),
        };
        Some(TlsFault { key: format!("acme.names[{place}]"), line, message, hint: hint.into() })
    };
    Managed::all(std::slice::from_ref(config)).into_iter().enumerate().filter_map(warning).collect()
}

fn has_certificate(path: &Path) -> bool {
    OrderedCertificate::load(path).is_ok()
}
