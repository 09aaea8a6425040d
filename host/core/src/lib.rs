//! What the parts of Pointsman agree on: backends, pools, routes, requests and time.
//!
//! Nothing here does I/O, reads a configuration or knows of WebAssembly.

#![forbid(unsafe_code)]

// Policies in the repository's pages, which aren't in the package of the SDK.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/policies.md")]
struct Policies;

pub mod address;
pub mod backend;
pub mod clock;
pub mod counts;
pub mod local;
pub mod parameters;
mod percent;
pub mod picks;
pub mod pool;
pub mod printable;
pub mod rate_limit;
pub mod record;
pub mod reminder;
pub mod request;
pub mod request_key;
pub mod request_limit;
pub mod route;
pub mod shares;
#[doc(hidden)]
pub mod sync;
pub mod topology;
pub mod trace;
pub mod tried;
