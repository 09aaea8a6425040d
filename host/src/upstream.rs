//! The backend's side: connections of one worker, and the exchange of one request for its response.

mod answered;
mod attempt_stats;
mod backend_body;
mod balancer;
mod body;
mod call;
mod checkout;
mod claim;
mod connection;
mod connector;
mod counting_stream;
mod driver_waker;
mod error;
mod exchange;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod http2;
mod idle;
mod lease;
mod opening;
mod permission;
mod permit;
mod pinned;
mod pinned_slot;
mod pool;
mod sent;
mod stall;
mod tunnel;
mod upgraded;
mod upload;

pub use answered::Answered;
pub use backend_body::BackendBody;
pub use balancer::Balancer;
pub use body::ExchangeBody;
pub use claim::{Bound, Claim, Claimed};
pub use connection::ResponseTimeout;
#[cfg(test)]
pub(crate) use connector::Connector;
pub use counting_stream::{CountingStream, IoCounters};
pub use error::{Error, is_our_own};
pub use exchange::Exchange;
pub use http2::Http2Body;
pub use pinned::{PinnedConnections, names_connection_scheme};
pub use pool::WorkerPool;
pub use sent::{FailedAttempt, Sent};
pub use tunnel::Tunnel;
pub use upload::{RequestBody, Upload};
