//! HTTP/2 from clients: what the `h2` crate leaves to its user.

mod allowance;
mod body;
mod fault;
mod frame_kind;
mod frames;
mod gate;
pub mod head;
mod intake;
mod oversight;

pub use body::StreamBody;
pub use fault::GateFault;
pub use frame_kind::FrameKind;
pub use gate::Gate;
pub use intake::{Arrived, Intake};
pub use oversight::Oversight;
