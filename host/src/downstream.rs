//! The client's side: what may come in from a connection, and how fast.
//!
//! hyper is a good parser but no proxy: it takes bare line feeds, drops a `Content-Length` beside a
//! `Transfer-Encoding` without a word and answers bad requests without saying why. So every byte of a client passes
//! the [gate](http1::gate) first, which follows the [framing](http1::framing) itself and refuses what isn't plain.

mod body;
mod broken_body;
mod connection;
mod context;
mod early_hints;
mod farewell;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod http1;
pub mod http2;
mod keepalive;
mod limited_body;
mod open_tunnel;
mod pace;
mod refusal;
mod replay;
mod target;
mod told;
mod validate;

pub use body::ClientBody;
pub use broken_body::BrokenBody;
pub use connection::{ClientConnection, LocalEnd, OverTls, Scheme};
pub use context::{RequestContext, RequestGuard};
pub use early_hints::EarlyHints;
pub use farewell::{Farewell, LINGER};
pub use keepalive::Keepalive;
pub use limited_body::LimitedBody;
pub use open_tunnel::OpenTunnel;
pub use pace::Pace;
pub use refusal::Refusal;
pub use target::uri_and_exact;
pub use validate::is_idempotent;
