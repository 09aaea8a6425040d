//! HTTP/2 from clients: what the `h2` crate leaves to its user.

mod body;
mod gate;
pub mod head;
mod intake;

pub use body::StreamBody;
pub use gate::Gate;
pub use intake::{Arrived, Intake};
