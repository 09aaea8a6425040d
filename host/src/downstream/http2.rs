//! HTTP/2 from clients: what the `h2` crate leaves to its user.

pub mod head;
