//! `proxy_protocol` of a listener and of a pool.

use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use pointsman_core::pool::ProxyProtocol;

use super::address::networks;
use super::read::{Section, Value, choice};

const LISTENER: &str = "write `proxy_protocol = { from = [\"10.0.0.0/8\"] }`";
const FROM: &str = "write the addresses of the proxies in front, such as `from = [\"10.0.0.0/8\"]`";

/// Range of `timeout`.
const TIME: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// `listener.proxy_protocol`: each connection begins with a header that names its client.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyProtocolConfig {
    /// Who sends headers; at least one network. Nobody else may connect. `from`.
    pub from: Vec<IpNet>,
    /// From accepting a connection to the end of its header. `timeout`, 5 s.
    pub timeout: Duration,
}

/// Reads that of a listener.
pub(super) fn proxy_protocol(value: &Value<'_>) -> Option<ProxyProtocolConfig> {
    Section::read(value, LISTENER, |section| {
        let from = section.required("from", "from = [\"10.0.0.0/8\"]").and_then(|value| senders(&value));
        let timeout = section.duration("timeout", Duration::from_secs(5), TIME);
        Some(ProxyProtocolConfig { from: from?, timeout })
    })
}

fn senders(value: &Value<'_>) -> Option<Vec<IpNet>> {
    let networks = networks(value, FROM)?;
    if networks.is_empty() {
        value.fail("nobody may connect", FROM);
        return None;
    }
    Some(networks)
}

/// Reads that of a pool.
pub(super) fn sent(section: &mut Section<'_>) -> Option<ProxyProtocol> {
    let versions = [("v1", Some(ProxyProtocol::V1)), ("v2", Some(ProxyProtocol::V2))];
    let version = choice(section, "proxy_protocol", None, &versions).flatten();
    if version.is_some() && section.get("idle_connections").is_some() {
        let message = "keeps none: with `proxy_protocol` each connection is one client's";
        section.fail("idle_connections", message, "remove it");
    }
    version
}
