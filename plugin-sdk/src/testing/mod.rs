//! A host for native tests: the same policy type, without WebAssembly and without a proxy.
//!
//! A [`TestHost`] is a pool: add backends, change them, give a policy its configuration, seed the random numbers.
//! [`TestHost::policy`] makes an instance of a policy over it, as a worker of the proxy would; several instances over one
//! host are several workers, and one made after another is a swap. A [`TestRequest`] is what is asked for.
//!
//! ```
//! use pointsman_sdk::prelude::*;
//! use pointsman_sdk::testing::{TestHost, TestRequest};
//!
//! /// Every request to the same backend, until that one is no longer eligible.
//! #[derive(Default)]
//! struct First {
//!     first: Option<usize>,
//! }
//!
//! impl Policy for First {
//!     type Config = ();
//!
//!     fn new(_: (), backends: &Backends) -> Result<Self, Error> {
//!         let mut policy = Self::default();
//!         policy.topology(backends);
//!         Ok(policy)
//!     }
//!
//!     fn topology(&mut self, backends: &Backends) {
//!         self.first = backends.indexes().find(|&index| backends.eligible(index));
//!     }
//!
//!     fn pick(&mut self, request: &Request, _: &Backends) -> Verdict {
//!         self.first.filter(|&index| !request.tried(index)).into()
//!     }
//! }
//!
//! let host = TestHost::new().backend("a").backend("b");
//! let mut policy = host.policy::<First>()?;
//! assert_eq!(policy.pick_names(3), "a a a");
//! host.at("a").healthy(false);
//! assert_eq!(policy.pick_names(1), "b");
//! assert_eq!(policy.pick(&TestRequest::new().tried("b")), Verdict::Abstain);
//! # Ok::<(), Error>(())
//! ```

mod answers;
mod fixed;
mod host;
#[cfg(test)]
mod hostile;
mod policy;
mod pool;
mod request;

pub use fixed::FixedHost;
pub use host::{At, TestHost};
pub use policy::TestPolicy;
pub use request::TestRequest;
/// Makes what [`TestHost::config`] takes, without a dependency of the policy's own on `serde_json`.
///
/// ```
/// use pointsman_sdk::testing::{TestHost, json};
///
/// let host = TestHost::new().backend("a").config(json!({ "pause": "2s", "rooms": [1, 2] }));
/// ```
pub use serde_json::json;
