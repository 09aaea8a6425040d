//! The files of TLS besides the certificates of listeners, over time.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pointsman_core::address::Address;

use super::doubt::Doubt;
use super::renewal::Scanned;
use super::stamp::FileStamp;
use crate::tls::{BackendTls, ListenerTls, TlsFault};

/// TLS of a listener or a pool.
#[derive(Debug)]
pub enum ServedTls {
    /// A listener's, which is at this address.
    Listener(Address, Arc<ListenerTls>),
    /// A pool's, which has this name.
    Pool(Box<str>, Arc<BackendTls>),
}

impl ServedTls {
    fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Listener(_, tls) => tls.policy_files().collect(),
            Self::Pool(_, tls) => tls.files().collect(),
        }
    }

    fn renew(&self) -> Result<bool, Vec<TlsFault>> {
        match self {
            Self::Listener(_, tls) => tls.renew_policy(),
            Self::Pool(_, tls) => tls.renew(),
        }
    }

    fn address(&self) -> Option<&Address> {
        match self {
            Self::Listener(address, _) => Some(address),
            Self::Pool(..) => None,
        }
    }

    fn pool(&self) -> Option<&str> {
        match self {
            Self::Listener(..) => None,
            Self::Pool(name, _) => Some(name),
        }
    }
}

/// A listener or a pool whose files are followed.
#[derive(Debug)]
pub(super) struct FollowedPolicy {
    served: ServedTls,
    /// What the metadata of the files said when they were last read.
    stamps: Vec<Option<FileStamp>>,
    /// Why the files can't be used as they are.
    refused: Vec<TlsFault>,
    /// Whether they may be about to be others.
    doubt: Doubt,
}

impl FollowedPolicy {
    pub(super) fn new(served: ServedTls) -> Self {
        Self { served, stamps: Vec::new(), refused: Vec::new(), doubt: Doubt::default() }
    }

    /// Whether this is what became of that TLS.
    pub(super) fn is(&self, served: &ServedTls) -> bool {
        match (&self.served, served) {
            (ServedTls::Listener(_, ours), ServedTls::Listener(_, theirs)) => Arc::ptr_eq(ours, theirs),
            (ServedTls::Pool(_, ours), ServedTls::Pool(_, theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.served.paths().into_iter()
    }

    /// Scans the files, and goes by them if they are others and can be used.
    pub(super) fn scan(&mut self, now: Instant) -> Scanned {
        let stamps: Vec<_> = self.paths().map(FileStamp::of).collect();
        if stamps == self.stamps
            && stamps.iter().all(|stamp| stamp.as_ref().is_some_and(FileStamp::is_settled))
        {
            return Scanned::AtRest;
        }
        let (address, pool) = (self.served.address().map(tracing::field::display), self.served.pool());
        match self.served.renew() {
            Ok(is_new) => {
                if is_new || !self.refused.is_empty() {
                    tracing::info!(
                        event = "tls-files-renewed",
                        address,
                        pool,
                        "what the files hold is gone by from the next handshake on"
                    );
                }
                self.refused.clear();
            }
            Err(faults) => {
                let is_said = |TlsFault { key, message, .. }: &TlsFault| {
                    self.refused.iter().any(|known| (&known.key, &known.message) == (key, message))
                };
                if !faults.iter().all(is_said) && self.doubt.is_worth_waiting(now) {
                    return Scanned::InBetween;
                }
                for TlsFault { key, message, hint, .. } in &faults {
                    if !self.refused.iter().any(|known| (&known.key, &known.message) == (key, message)) {
                        tracing::error!(
                            event = "tls-files-refused",
                            address,
                            pool,
                            "{key}: {message}; {hint}; what was there before is gone by"
                        );
                    }
                }
                self.refused = faults;
            }
        }
        self.stamps = stamps;
        self.doubt.is_over();
        Scanned::AtRest
    }
}
