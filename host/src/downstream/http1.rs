//! HTTP/1.x from clients.

pub mod chunked;
pub mod framing;
pub mod gate;
pub mod head;
mod interim;
pub mod persistence;
pub mod queue;
mod sending;
