//! How much a plugin takes of what it may.

use std::time::Duration;

use pointsman_sdk::abi::limit::{FUNCTION_BYTES, FUNCTIONS, PLUGIN_BYTES};

/// What a plugin takes of what the checks of its content limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes without custom sections; see [`PLUGIN_BYTES`].
    pub compiled: usize,
    /// Functions; see [`FUNCTIONS`].
    pub functions: usize,
    /// Bytes of the largest function; see [`FUNCTION_BYTES`].
    pub largest_function: usize,
    /// How long compiling it could take on a slow machine, as it was estimated beforehand.
    pub compile_estimate: Duration,
    /// Bytes of memory that an instance starts with. A pool's settings limit them.
    pub memory: u64,
    /// Elements of the table that an instance starts with. A pool's settings limit them.
    pub table: u64,
}

impl Usage {
    /// Greatest size without custom sections, bytes.
    pub const COMPILED: usize = PLUGIN_BYTES;
    /// Most functions.
    pub const FUNCTIONS: usize = FUNCTIONS;
    /// Greatest size of a function, bytes.
    pub const LARGEST_FUNCTION: usize = FUNCTION_BYTES;
    /// Greatest estimate of the time to compile it. Go with fmt and JSON (3 MB) takes 3 s, 2.6 MB of C++ 5 s.
    pub const COMPILE_ESTIMATE: Duration = Duration::from_secs(10);
}
