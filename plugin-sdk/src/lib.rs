//! Write a balancing policy for the Pointsman reverse proxy.
//!
//! A *policy* decides which *backend* of a *pool* gets a request. It is compiled to WebAssembly, and the running proxy
//! loads it, and swaps it for a newer version, without losing a request. A policy can't break the proxy: if it traps,
//! loops or answers nonsense, the proxy's own fallback picks and the fault is counted.
//!
//! # A complete policy
//!
//! Implement [`Policy`] for a type and export it:
//!
//! ```
//! use pointsman_sdk::prelude::*;
//!
//! /// Looks at two random backends and takes the one with fewer requests in flight per unit of weight.
//! struct TwoChoices;
//!
//! impl Policy for TwoChoices {
//!     type Config = ();
//!
//!     fn new(_: (), _: &Backends) -> Result<Self, Error> {
//!         Ok(Self)
//!     }
//!
//!     fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
//!         let len = backends.len();
//!         let candidate = || {
//!             // A few draws find an eligible backend unless nearly all are down; then the fallback may pick.
//!             (0..8).map(|_| random_below(len)).find(|&index| backends.eligible(index) && !request.tried(index))
//!         };
//!         let load = |index: usize| {
//!             let in_flight = backends.stat(Stat::InFlight, index) + 1;
//!             in_flight as f64 / f64::from(backends.weight(index))
//!         };
//!         match (candidate(), candidate()) {
//!             (Some(one), Some(other)) if load(other) < load(one) => Verdict::Backend(other),
//!             (one, other) => one.or(other).into(),
//!         }
//!     }
//! }
//! export_policy!(TwoChoices);
//!
//! // A policy is tested natively, against a host that the SDK brings along.
//! use pointsman_sdk::testing::{TestHost, TestRequest};
//!
//! let host = TestHost::new().backend("busy").backend("idle");
//! host.at("busy").stat(Stat::InFlight, 10);
//! let mut policy = host.policy::<TwoChoices>()?;
//! let idle = (0..100).filter(|_| policy.pick_name(&TestRequest::new()) == "idle").count();
//! assert!((60..90).contains(&idle), "three of four pairs have the idle one in them, not {idle} of 100");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Build and run it
//!
//! A policy is a separate crate:
//!
//! ```toml
//! [package]
//! name = "two-choices"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib", "rlib"]          # the plugin, and a library for tests
//!
//! [dependencies]
//! pointsman-sdk = "0.1"
//! serde = { version = "1", features = ["derive"] }   # only if the policy has a configuration
//!
//! [profile.release]
//! lto = true
//! codegen-units = 1
//! panic = "abort"
//! strip = "debuginfo"                      # keeps the names of functions, for the log of a fault
//! ```
//!
//! ```text
//! cargo build --release --target wasm32-unknown-unknown
//! pointsman policy check target/wasm32-unknown-unknown/release/two_choices.wasm
//! ```
//!
//! Put the file into the proxy's `policy_dir` as `two-choices.wasm` and name it in a pool: `policy = "two-choices"`. Use
//! the target `wasm32-unknown-unknown` and no other: a plugin that imports anything but this contract is refused.
//!
//! # What a policy works with
//!
//! | | |
//! | --- | --- |
//! | [`Backends`] | names, zones, labels, weights, [flags](Flags), live [numbers](Stat) such as requests in flight |
//! | [`Request`] | method, path, headers, client address, stable [hashes](HashKey) of them, what was tried before |
//! | [`cells`] | numbers that all workers share and that outlive a swap |
//! | [`now_us`], [`random`], [`log`], [`tick_every`] | time, chance, a voice, a pulse |
//! | [`Rendezvous`] | which backend a key of your own belongs to |
//! | [`Observe`] | how responses ended |
//! | [`testing`] | all of this in `cargo test` |
//!
//! The host owns the truth: requests in flight, latencies, health, slow start and weights are the same for all workers
//! and for every policy. A policy reads them and need not count anything itself.
//!
//! # What a pick may cost
//!
//! A pick has a deadline in milliseconds, but it is paid for by every request: aim at less than a microsecond.
//!
//! * Up to 64 backends, anything goes: scan them all, as often as you like.
//! * Beyond that a pick should take O(1) or O(log n) steps. Build a table in [`Policy::topology`], or look at a few
//!   random backends, as above. If a scan it must be, read one [column](Backends::stats) and keep to plain arithmetic.
//! * Don't allocate in `pick`. Keep `Vec`s in the policy and hand them to the column methods, which reuse them. Methods
//!   that answer a `String` allocate; [`Request::hash`] often does instead.
//! * A call into the host costs a few nanoseconds, and so does each of the small methods of [`Backends`] and [`Request`].
//!
//! # Other languages
//!
//! The contract is a dozen lines of prose and two dozen functions of numbers: see [`abi`], and
//! `include/pointsman.h` for C.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod abi;
mod backends;
mod buffers;
pub mod cells;
mod clock;
mod config;
mod error;
mod flags;
#[doc(hidden)]
pub mod guest;
mod imports;
#[doc(hidden)]
pub mod instance;
mod json;
mod line;
mod link;
pub mod log;
mod percent;
mod period;
mod policy;
#[cfg(any(target_arch = "wasm32", all(test, miri)))]
mod proxy;
mod rendezvous;
mod request;
mod response;
#[cfg(feature = "source")]
pub mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod verdict;

pub use backends::{Backends, Stat};
pub use clock::{now_us, random, random_below, tick_every};
pub use error::Error;
pub use flags::Flags;
pub use percent::percent_decoded;
pub use period::Period;
pub use policy::{Observe, Policy};
pub use rendezvous::Rendezvous;
pub use request::{HashKey, Request};
pub use response::{Outcome, Response};
pub use verdict::Verdict;

/// What nearly every policy needs: `use pointsman_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Backends, Error, Flags, HashKey, Observe, Outcome, Period, Policy, Rendezvous, Request, Response,
        Stat, Verdict, cells, export_policy, log, now_us, percent_decoded, random, random_below, tick_every,
    };
}
