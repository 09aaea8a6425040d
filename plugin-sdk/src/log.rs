//! Lines for the host's log.
//!
//! A line is anything that can be displayed, and is formatted without allocating: pass a text or
//! `format_args!(…)`. The host names the pool and the policy, cuts lines off at
//! [`TEXT_BYTES`](crate::abi::limit::TEXT_BYTES) and limits their rate, so a line per pick is a bad idea.
//!
//! ```
//! use pointsman_sdk::log;
//! use pointsman_sdk::testing::TestHost;
//!
//! let host = TestHost::new();
//! host.run(|_| {
//!     log::info("ready");
//!     log::warn(format_args!("{} of {} backends have no label", 2, 3));
//! });
//! assert_eq!(host.logs(), ["info: ready", "warn: 2 of 3 backends have no label"]);
//! ```

use crate::abi::{limit, log_level};
use crate::line::Line;
use crate::link::host;
use std::fmt::{Display, Write as _};

/// For the developers of the policy; off unless the operator asks for it.
pub fn debug(line: impl Display) {
    write(log_level::DEBUG, &line);
}

/// Worth knowing.
pub fn info(line: impl Display) {
    write(log_level::INFO, &line);
}

/// Needs attention.
pub fn warn(line: impl Display) {
    write(log_level::WARN, &line);
}

/// Something does not work.
pub fn error(line: impl Display) {
    write(log_level::ERROR, &line);
}

fn write(level: i32, line: &dyn Display) {
    let mut text = Line::<{ limit::TEXT_BYTES }>::new();
    // It fails when the line is full; what fits is logged.
    let _ = write!(text, "{line}");
    host().log(level, text.as_str());
}
