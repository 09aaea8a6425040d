//! The use of a backend's connection by one exchange.

use super::connection::UpstreamConnection;

/// What an exchange has of a connection.
#[derive(Debug)]
pub(super) enum Lease {
    /// All of it: HTTP/1 serves one exchange at a time.
    Unique(Box<UpstreamConnection>),
}

impl Lease {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut UpstreamConnection {
        match self {
            Self::Unique(connection) => connection,
        }
    }
}
