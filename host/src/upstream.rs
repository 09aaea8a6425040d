//! The backend's side: connections of one worker, and the exchange of one request for its response.

mod balancer;
mod body;
mod connection;
mod error;
mod exchange;
mod idle;
mod pool;
mod progress;
mod stream;
mod tunnel;

pub use balancer::{Balancer, Claim};
pub use body::{ExchangeBody, RequestBody};
pub use error::{Error, is_our_own};
pub use exchange::Exchange;
pub use pool::WorkerPool;
pub use tunnel::Tunnel;
