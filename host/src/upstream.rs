//! The backend's side: connections of one worker, and the exchange of one request for its response.

mod balancer;
mod body;
mod connection;
mod error;
mod exchange;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod idle;
mod place;
mod pool;
mod progress;
mod session;
mod stall;
mod stream;
mod tunnel;
mod upload;
mod user;

pub use balancer::{Balancer, Claim, Claimed};
pub use body::ExchangeBody;
pub use connection::Patience;
pub use error::{Error, is_our_own};
pub use exchange::{Exchange, Failed, Reached};
pub use pool::WorkerPool;
pub use session::{Session, names_connection_scheme};
pub use stream::{BackendStream, Traffic};
pub use tunnel::Tunnel;
pub use upload::{RequestBody, Upload};
