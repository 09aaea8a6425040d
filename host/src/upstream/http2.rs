//! Backends over HTTP/2: connections that the requests of a worker share, one stream each.

mod body;
mod connection;
mod failure;
mod head;
mod io;
mod lease;
mod shared;
mod upload;
mod websocket;

pub use body::Http2Body;
pub(super) use connection::Http2Connection;
pub(super) use lease::{Sending, StreamLease};
pub(super) use shared::SharedConnections;
pub(super) use websocket::asks_websocket;
