//! The guest's side of the contract: what a plugin exports. What it imports is `proxy`'s.
//!
//! An unmangled name is a promise to the linker, and so unsafe: a plugin exports each of them once, by [`export_policy`](crate::export_policy).
#![allow(unsafe_code, reason = "unmangled names; see the head of this file")]

use crate::{Observe, Policy};
use std::marker::PhantomData;

#[cfg(target_arch = "wasm32")]
pub use crate::proxy::report_panics;

/// Makes a crate a plugin: exports the hooks of a [`Policy`] under the names of the contract.
///
/// `export_policy!(MyPolicy)` exports init, pick, topology and tick; `export_policy!(MyPolicy, observe)` exports the
/// hook of [`Observe`] too, which costs a call for each response. Once per crate. In a native build, such
/// as for `cargo test`, it exports nothing.
///
/// ```
/// use pointsman_sdk::prelude::*;
///
/// struct AnyOne;
///
/// impl Policy for AnyOne {
///     type Config = ();
///     fn new(_: (), _: &Backends) -> Result<Self, Error> { Ok(Self) }
///     fn pick(&mut self, _: &Request, backends: &Backends) -> Verdict { Verdict::Backend(random_below(backends.len())) }
/// }
/// export_policy!(AnyOne);
/// ```
///
/// A policy that would never hear of a response, because `observe` was forgotten, does not compile:
///
/// ```compile_fail,E0080
/// # use pointsman_sdk::prelude::*;
/// # struct Learner;
/// # impl Policy for Learner {
/// #     type Config = ();
/// #     fn new(_: (), _: &Backends) -> Result<Self, Error> { Ok(Self) }
/// #     fn pick(&mut self, _: &Request, _: &Backends) -> Verdict { Verdict::Abstain }
/// # }
/// impl Observe for Learner {
///     fn observe(&mut self, _: &Response, _: &Backends) {}
/// }
/// export_policy!(Learner);
/// ```
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        const _: () = {
            #[allow(unused_imports, reason = "unused if the policy observes, which the assertion reports")]
            use $crate::guest::DoesNotObserve as _;
            assert!(
                !$crate::guest::Probe::<$policy>::OBSERVES,
                "this policy implements Observe, but would never be told: write export_policy!(MyPolicy, observe)"
            );
        };
        $crate::export_policy!(@hooks $policy, {});
    };
    ($policy:ty, observe) => {
        const _: fn() = $crate::guest::requires_observe::<$policy>;
        $crate::export_policy!(@hooks $policy, {
            #[unsafe(no_mangle)]
            extern "C" fn pointsman_observe(backend: i32, status: i32, outcome: i32, head_us: i64, total_us: i64) {
                POLICY.with(|policy| policy.observe(backend, status, outcome, head_us, total_us));
            }
        });
    };
    (@hooks $policy:ty, { $($observe:item)? }) => {
        const _: fn() = $crate::guest::requires_policy::<$policy>;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // A plain static on this target, which has one thread: no lookup, no registration, no `unsafe`.
            ::std::thread_local! {
                static POLICY: $crate::instance::Slot<$policy> = const { $crate::instance::Slot::empty() };
            }

            #[unsafe(no_mangle)]
            extern "C" fn pointsman_init() -> i32 {
                $crate::guest::report_panics();
                POLICY.with(|policy| policy.init())
            }

            #[unsafe(no_mangle)]
            extern "C" fn pointsman_pick() -> i64 {
                POLICY.with(|policy| policy.pick())
            }

            #[unsafe(no_mangle)]
            extern "C" fn pointsman_topology() {
                POLICY.with(|policy| policy.topology());
            }

            #[unsafe(no_mangle)]
            extern "C" fn pointsman_tick() {
                POLICY.with(|policy| policy.tick());
            }

            $($observe)?
        };
    };
}

/// Shows at compile time whether a policy observes: an inherent constant wins over one of a trait.
#[derive(Debug)]
pub struct Probe<P>(PhantomData<P>);

impl<P: Observe> Probe<P> {
    /// The policy observes.
    pub const OBSERVES: bool = true;
}

/// What [`Probe`] falls back to.
pub trait DoesNotObserve {
    /// The policy does not observe.
    const OBSERVES: bool = false;
}

impl<P> DoesNotObserve for Probe<P> {}

/// Gives a readable error where something that is no policy is exported.
pub fn requires_policy<P: Policy>() {}

/// Gives a readable error where a policy that does not observe is exported as one that does.
pub fn requires_observe<P: Observe>() {}
