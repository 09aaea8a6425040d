//! A backend as discovery finds it.

use std::net::SocketAddr;
use std::sync::Arc;

/// The whole weight of an entry, in the unit of [`ResolvedBackend::share`].
pub(super) const WHOLE: u32 = 1_000;

/// A backend that was found for an entry of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvedBackend {
    pub(super) address: SocketAddr,
    /// The host that has the address, without a dot at the end.
    pub(super) host: Arc<str>,
    /// Whether it serves only when no other backend can.
    pub(super) backup: bool,
    /// Its part of the entry's weight, 1 to 1,000 thousandths.
    pub(super) share: u32,
}
