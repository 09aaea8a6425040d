//! Lines for the host's log.
//!
//! A line is formatted without allocating. The macros take what `println!` takes; the functions of the same names anything that can
//! be displayed. The host names the pool and the policy, cuts lines off at
//! [`TEXT_BYTES`](crate::abi::limit::TEXT_BYTES) and limits their rate, so a line per pick is a bad idea.
//!
//! ```
//! use pointsman_sdk::log;
//! use pointsman_sdk::testing::TestHost;
//!
//! let host = TestHost::new();
//! host.run(|_| {
//!     let (without, all) = (2, 3);
//!     log::info!("ready");
//!     log::warn!("{without} of {} backends have no label", all);
//!     log::error(all);
//! });
//! assert_eq!(host.logs(), ["info: ready", "warn: 2 of 3 backends have no label", "error: 3"]);
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

/// For the developers of the policy; off unless the operator asks for it. Takes what `println!` takes.
///
/// ```
/// # use pointsman_sdk::{log, testing::TestHost};
/// let host = TestHost::of(3);
/// host.run(|backends| log::debug!("{} backends", backends.len()));
/// assert_eq!(host.logs(), ["debug: 3 backends"]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($line:tt)+) => { $crate::log::debug(::core::format_args!($($line)+)) };
}
#[doc(inline)]
pub use __log_debug as debug;

/// Worth knowing. Takes what `println!` takes.
///
/// ```
/// # use pointsman_sdk::{log, testing::TestHost};
/// let host = TestHost::of(3);
/// host.run(|backends| log::info!("{} backends", backends.len()));
/// assert_eq!(host.logs(), ["info: 3 backends"]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($line:tt)+) => { $crate::log::info(::core::format_args!($($line)+)) };
}
#[doc(inline)]
pub use __log_info as info;

/// Needs attention. Takes what `println!` takes.
///
/// ```
/// # use pointsman_sdk::{log, testing::TestHost};
/// let host = TestHost::of(3);
/// host.run(|backends| log::warn!("{} backends", backends.len()));
/// assert_eq!(host.logs(), ["warn: 3 backends"]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($line:tt)+) => { $crate::log::warn(::core::format_args!($($line)+)) };
}
#[doc(inline)]
pub use __log_warn as warn;

/// Something does not work. Takes what `println!` takes.
///
/// ```
/// # use pointsman_sdk::{log, testing::TestHost};
/// let host = TestHost::of(3);
/// host.run(|backends| log::error!("{} backends", backends.len()));
/// assert_eq!(host.logs(), ["error: 3 backends"]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($line:tt)+) => { $crate::log::error(::core::format_args!($($line)+)) };
}
#[doc(inline)]
pub use __log_error as error;
