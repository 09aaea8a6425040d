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

#[cfg(test)]
mod tests {
    use super::super::HeaderFailure;
    use super::*;

    #[test]
    fn senders_are_known_by_network_and_counts_outlive_settings() {
        let config = |from: &[&str]| ProxyProtocolConfig {
            from: from.iter().map(|network| network.parse().unwrap()).collect(),
            timeout: Duration::from_secs(5),
        };
        let before = ExpectedHeader::new(&config(&["10.0.0.0/8", "2001:db8::/32"]), None);
        for (peer, is_sender) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8::1", true),
            ("11.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(before.is_sender(peer.parse().unwrap()), is_sender, "{peer}");
        }
        before.counts().fail(HeaderFailure::Missing);
        let after = ExpectedHeader::new(&config(&["::1/128"]), Some(&before));
        assert!(after.is_sender("::1".parse().unwrap()));
        assert_eq!(after.counts().failed(HeaderFailure::Missing), 1);
    }
}
