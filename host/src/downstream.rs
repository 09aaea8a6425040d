//! The client's side: what may come in from a connection, and how fast.
//!
//! hyper is a good parser but no proxy: it takes bare line feeds, drops a `Content-Length` beside a
//! `Transfer-Encoding` without a word and answers bad requests without saying why. So every byte of a client passes
//! the [`Gate`] first, which follows the [framing] itself and refuses what isn't plain.

pub mod chunked;
pub mod client;
pub mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod gate;
pub mod head;
mod rate;
pub mod refusal;
mod target;

pub use client::Client;
pub use gate::Gate;
pub use refusal::Refusal;
