//! The use of a backend's connection by one exchange.

use super::connection::{Owner, UpstreamConnection};
use super::http2::StreamLease;
use super::{Error, Upload};
use crate::downstream::RequestContext;

/// What an exchange has of a connection.
#[derive(Debug)]
pub(super) enum Lease {
    /// All of it: HTTP/1 serves one exchange at a time.
    Unique(Box<UpstreamConnection>),
    /// A stream: HTTP/2 serves many.
    Shared(Box<StreamLease>),
}

impl Lease {
    /// The client is authenticated on the connection, or about to be: each request on it is that user's.
    pub(super) fn authenticated(&mut self) {
        match self {
            Self::Unique(connection) => connection.owner = Owner::Authenticated,
            Self::Shared(stream) => stream.retire(),
        }
    }

    /// Bytes that have come and went in this exchange; over HTTP/2, all on its connection that weren't counted before.
    pub(super) fn moved(&self) -> (u64, u64) {
        match self {
            Self::Unique(connection) => connection.moved(),
            Self::Shared(stream) => stream.moved(),
        }
    }

    /// Whose fault a failure is. A backend may have failed because the client kept it waiting, if it waited for that.
    pub(super) fn blame(&self, error: Error, context: &RequestContext, upload: &Upload) -> Error {
        let waits = match (self, &error) {
            // A connection with many streams doesn't end for one of them.
            (Self::Shared(_), Error::Reset) => false,
            // The sides of a call take turns as they like.
            (Self::Shared(_), Error::StreamReset(_)) => !context.head().is_call,
            _ => true,
        };
        upload.blame(error, waits)
    }

    /// Whether it may have been closed because it was idle.
    pub(super) fn reused(&self) -> bool {
        match self {
            Self::Unique(connection) => connection.reused,
            Self::Shared(stream) => stream.reused(),
        }
    }
}
