//! The files of a listener's TLS besides certificates, over time.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::stamp::FileStamp;
use crate::tls::{ListenerTls, TlsFault};

/// A file that changed this shortly before it was read may change again without another stamp.
const RECENT: Duration = Duration::from_secs(10);

/// A listener with TLS.
#[derive(Debug)]
pub struct ServedTls {
    /// The listener's address.
    pub address: SocketAddr,
    /// Its TLS.
    pub tls: Arc<ListenerTls>,
}

/// A listener whose files are followed.
#[derive(Debug)]
pub(super) struct FollowedPolicy {
    served: ServedTls,
    /// What the metadata of the files said when they were last read.
    stamps: Vec<Option<FileStamp>>,
    /// Why the files can't be used as they are.
    refused: Vec<TlsFault>,
    /// Whether a file was missing at the last scan, and not before: it may be on its way back.
    missing: bool,
}

impl FollowedPolicy {
    pub(super) fn new(served: ServedTls) -> Self {
        Self { served, stamps: Vec::new(), refused: Vec::new(), missing: false }
    }

    /// Whether this is what became of a listener's TLS.
    pub(super) fn is(&self, served: &ServedTls) -> bool {
        Arc::ptr_eq(&self.served.tls, &served.tls)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.served.tls.policy_files()
    }

    /// Scans the files, and has the listener go by them if they are others and can be used.
    pub(super) fn scan(&mut self) {
        let stamps: Vec<_> = self.paths().map(FileStamp::of).collect();
        let is_settled = |stamp: &Option<FileStamp>| {
            stamp.as_ref().and_then(FileStamp::age).is_some_and(|age| age >= RECENT)
        };
        if stamps == self.stamps && stamps.iter().all(is_settled) {
            return;
        }
        let was_missing = std::mem::replace(&mut self.missing, stamps.iter().any(Option::is_none));
        if self.missing && !was_missing {
            return;
        }
        self.stamps = stamps;
        let address = self.served.address;
        match self.served.tls.renew_policy() {
            Ok(is_new) => {
                if is_new || !self.refused.is_empty() {
                    tracing::info!(event = "tls-files-renewed", %address, "what the files hold is gone by from the next handshake on");
                }
                self.refused.clear();
            }
            Err(faults) => {
                for TlsFault { key, message, hint, .. } in &faults {
                    if !self.refused.iter().any(|known| (&known.key, &known.message) == (key, message)) {
                        tracing::error!(
                            event = "tls-files-refused", %address,
                            "{key}: {message}; {hint}; what was there before is gone by"
                        );
                    }
                }
                self.refused = faults;
            }
        }
    }
}
