//! What a policy author implements.

use crate::{Backends, Error, Request, Response, Verdict};
use serde::de::DeserializeOwned;

/// A balancing policy: it decides which backend gets a request.
///
/// The host runs one instance per worker, and a new one after each swap. An instance is never called from two
/// threads. What instances must share, or what must outlive them, belongs in [`cells`](crate::cells).
///
/// ```
/// use pointsman_sdk::prelude::*;
/// use pointsman_sdk::testing::{TestHost, TestRequest};
///
/// /// The backend with the fewest requests in flight; weights are ignored.
/// struct Idlest {
///     loads: Vec<u64>,
/// }
///
/// impl Policy for Idlest {
///     type Config = ();
///
///     fn new(_: (), _: &Backends) -> Result<Self, Error> {
///         Ok(Self { loads: Vec::new() })
///     }
///
///     fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
///         backends.stats(Stat::InFlight, &mut self.loads);
///         (0..self.loads.len())
///             .filter(|&index| backends.eligible(index) && !request.tried(index))
///             .min_by_key(|&index| self.loads[index])
///             .into()
///     }
/// }
/// export_policy!(Idlest);
///
/// let host = TestHost::new().backend("a").backend("b");
/// host.at("a").stat(Stat::InFlight, 3);
/// let mut policy = host.policy::<Idlest>()?;
/// assert_eq!(policy.pick(&TestRequest::new()), Verdict::Backend(1));
/// # Ok::<(), Error>(())
/// ```
pub trait Policy: Sized + 'static {
    /// The pool's `[pool.NAME.policy.config]` table.
    ///
    /// Derive `serde::Deserialize` for a struct, with `#[serde(deny_unknown_fields)]` so that a misspelt key is
    /// an error and not a setting that silently does nothing. `()` means that the policy takes no
    /// configuration: a table that is not empty is then refused, and no JSON reader is linked into the plugin.
    type Config: DeserializeOwned + 'static;

    /// Names the layout of the policy's [cells](crate::cells), such as `"round-robin.1"`.
    ///
    /// Cells keep their values over a swap if the new version has the same name. Change the name when the
    /// meaning of a cell changes: cells of another name start from zero.
    const STATE: &'static str = "";

    /// Prepares an instance.
    ///
    /// [`topology`](Self::topology) is called only on later changes, so read the backends here too. There may be
    /// none yet.
    ///
    /// # Errors
    ///
    /// Anything that makes the policy useless, such as a value out of range. The host then refuses the version (or the
    /// configuration) and the one before it keeps serving.
    fn new(config: Self::Config, backends: &Backends) -> Result<Self, Error>;

    /// The topology changed: backends came, went or changed their order, eligibility or weight.
    ///
    /// Indexes from before mean nothing any more. This is the place for work that depends on the number of
    /// backends, such as building a table; it is called between picks, on the worker's thread.
    fn topology(&mut self, backends: &Backends) {
        let _ = backends;
    }

    /// Picks a backend for a request.
    ///
    /// Pick only what is [eligible](Backends::eligible) and not [tried](Request::tried). When a pick turns out
    /// to be full, the host asks once more with that backend marked as tried.
    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict;

    /// The interval set with [`tick_every`](crate::tick_every) has passed. Each instance has its own interval.
    fn tick(&mut self, backends: &Backends) {
        let _ = backends;
    }
}

/// A policy that learns from responses.
///
/// It is a separate trait because the hook costs a call into the guest for each response. Export such a policy with
/// [`export_policy!(MyPolicy, observe)`](crate::export_policy).
///
/// ```
/// use pointsman_sdk::prelude::*;
///
/// /// Stays with a backend until that one fails.
/// struct Sticky {
///     current: usize,
/// }
///
/// impl Policy for Sticky {
///     type Config = ();
///
///     fn new(_: (), _: &Backends) -> Result<Self, Error> {
///         Ok(Self { current: 0 })
///     }
///
///     fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
///         let usable = |&index: &usize| backends.eligible(index) && !request.tried(index);
///         Some(self.current).filter(usable).or_else(|| backends.indexes().find(usable)).into()
///     }
/// }
///
/// impl Observe for Sticky {
///     fn observe(&mut self, response: &Response, backends: &Backends) {
///         if response.outcome.is_failure() && response.backend == self.current {
///             self.current = random_below(backends.len());
///         }
///     }
/// }
/// export_policy!(Sticky, observe);
/// ```
pub trait Observe: Policy {
    /// A response ended, well or badly. Each attempt of a request is observed, and [`Response::request`] can be asked
    /// for what `pick` could ask for.
    ///
    /// The version that picked (or abstained) observes it, on the worker that did, as long as the topology is the one that
    /// [`Response::backend`] is an index of. What ends after a swap or a topology change is not observed.
    fn observe(&mut self, response: &Response, backends: &Backends);
}
