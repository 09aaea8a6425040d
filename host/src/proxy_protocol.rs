//! The PROXY protocol: how a proxy in front names the client of a connection, and how this one names it to a backend.
//!
//! A header comes before the first byte of TLS or HTTP. Version 1 is a line of text, version 2 is binary
//! (<https://www.haproxy.org/download/3.3/doc/proxy-protocol.txt>). Everything here works on bytes; who reads and writes them is
//! `serve`, `upstream` and `health`.

mod expected;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod header;
mod tlv;
mod v1;
mod v2;
mod versions;

pub use expected::ExpectedHeader;
pub use failure::{HeaderCounts, HeaderError, HeaderFailure};
pub use header::{Addresses, Header, More, Parsed};
pub use versions::{local, naming, parse};
