//! A backend's connection that no longer speaks HTTP.

use bytes::Bytes;

use super::http2::StreamLease;
use super::permit::ConnectionPermit;
use crate::stream::Stream;

/// A connection whose protocol has changed, with what was read of the next protocol already.
#[derive(Debug)]
pub(super) struct UpgradedStream {
    pub(super) stream: Stream,
    pub(super) read: Bytes,
    pub(super) _place: Place,
}

/// What it still is of the backend's, until this is dropped.
#[derive(Debug)]
pub(super) enum Place {
    /// One of its connections.
    Connection { _permit: ConnectionPermit },
    /// One of the streams of a connection.
    Stream { _lease: Box<StreamLease> },
}
