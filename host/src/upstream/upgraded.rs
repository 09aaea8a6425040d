//! A backend's connection that no longer speaks HTTP.

use bytes::Bytes;

use super::permit::ConnectionPermit;
use crate::stream::Stream;

/// A connection whose protocol has changed, with what was read of the next protocol already.
#[derive(Debug)]
pub(super) struct UpgradedStream {
    pub(super) stream: Stream,
    pub(super) read: Bytes,
    /// It still is one of the backend's connections, unless it is a stream within one.
    pub(super) _permit: Option<ConnectionPermit>,
}
