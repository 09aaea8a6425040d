//! HTTP/2 from clients: what the `h2` crate leaves to its user.

mod allowance;
mod body;
mod fault;
mod frame_kind;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod gate;
pub mod head;
mod intake;
mod long_blocks;
mod oversight;
mod resets;
mod websocket;

pub use body::StreamBody;
pub use fault::GateFault;
pub use frame_kind::FrameKind;
pub use frames::Frames;
pub use gate::Gate;
pub use intake::{Arrived, Intake};
pub use long_blocks::LongBlocks;
pub use oversight::Oversight;
pub use websocket::accepting;
