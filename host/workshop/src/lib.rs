//! What authors of policies try their plugins with, before these meet traffic.
//!
//! Everything here runs the plugin file itself, in the runtime of the proxy; there is no second host. A [simulation](simulate) has the proxy's
//! own pools, numbers and picks, and made-up backends and clients around them, at a time that is a number.

#![forbid(unsafe_code)]

mod aligned;
pub mod bench;
mod chart;
pub mod doctor;
mod file_error;
mod made_up;
mod markup;
mod mean_work;
mod recorded;
pub mod report;
pub mod scaffold;
pub mod scenario;
pub mod simulate;
pub mod spec;
mod time_span;
mod toml_file;

pub use file_error::FileError;
pub use recorded::Recorded;
pub use time_span::TimeSpan;
pub use toml_file::ReadFile;
