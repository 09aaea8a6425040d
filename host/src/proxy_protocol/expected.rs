//! A listener whose connections begin with a header.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::failure::HeaderCounts;
use crate::config::ProxyProtocolConfig;

/// What a listener knows of the headers that its connections begin with, on all workers.
#[derive(Debug, Clone)]
pub struct ExpectedHeader {
    config: Arc<ProxyProtocolConfig>,
    counts: Arc<HeaderCounts>,
}

impl ExpectedHeader {
    /// With these settings, and the counts of `before`.
    #[must_use]
    pub fn new(config: &ProxyProtocolConfig, before: Option<&Self>) -> Self {
        let counts = before.map(|before| Arc::clone(&before.counts)).unwrap_or_default();
        Self { config: Arc::new(config.clone()), counts }
    }

    /// Whether this address sends headers, and may connect at all.
    #[must_use]
    pub fn is_sender(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.config.from.iter().any(|network| network.contains(&peer))
    }

    /// From accepting a connection to the end of its header.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Connections without a usable header.
    #[must_use]
    pub fn counts(&self) -> &HeaderCounts {
        &self.counts
    }
}
