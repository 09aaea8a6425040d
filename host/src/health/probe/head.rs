//! What the requests of all checks have in common.

use http::HeaderValue;
use pointsman_core::address::Address;

/// Largest response head, bytes.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// The check's `User-Agent`, unless one is configured.
pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("pointsman-health-check/", env!("CARGO_PKG_VERSION")));

/// The host that is asked for: the one that is configured, or else the address.
pub(super) fn authority(host: Option<&HeaderValue>, address: &Address) -> Result<HeaderValue, http::Error> {
    match host {
        Some(host) => Ok(host.clone()),
        None => Ok(HeaderValue::from_str(&address.authority())?),
    }
}
