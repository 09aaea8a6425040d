//! What runs beside the data path and may block: plugin files, signals, changes.

pub mod archive;
pub mod change;
pub mod overrides;
pub mod plugin_file;
pub mod policy_overrides;
pub mod service;
pub mod signals;
pub mod start_gate;
pub mod state_lock;
pub mod status;
pub mod take_over;
pub mod watch;
