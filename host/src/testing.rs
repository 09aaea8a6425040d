//! What the tests of several modules need.

mod disk;
mod last_record;
mod memory;
mod wake_count;

pub(crate) use disk::Disk;
pub(crate) use last_record::LastRecord;
pub(crate) use memory::{MemoryNet, MemoryStream};
pub(crate) use wake_count::WakeCount;
