//! What the tests of several modules need.

mod memory;
mod wake_count;

pub(crate) use memory::{MemoryNet, MemoryStream};
pub(crate) use wake_count::WakeCount;
