//! One running policy: from the hooks that the host calls to the methods of [`Policy`].

use crate::link::host;
use crate::{Backends, Observe, Policy, Request, Response, Verdict, config};
use std::cell::RefCell;

/// Where [`export_policy!`](crate::export_policy) keeps the policy: empty until [`init`](Self::init) succeeds.
///
/// Hooks of an empty slot do nothing and pick no backend. The same goes for a hook that is called from within another one,
/// which the contract rules out.
#[derive(Debug)]
pub struct Slot<P>(RefCell<Option<P>>);

impl<P: Policy> Slot<P> {
    /// A slot without a policy.
    #[must_use]
    pub const fn empty() -> Self {
        Self(RefCell::new(None))
    }

    /// Makes the policy from its configuration; returns 0, or 1 after it has told the host why not.
    pub fn init(&self) -> i32 {
        // Before `new`, which may use cells already. A policy without a name need not carry the import.
        if !P::STATE.is_empty() {
            host().state(P::STATE);
        }
        match config::read().and_then(|config| P::new(config, &Backends::current())) {
            Ok(policy) => match self.0.try_borrow_mut() {
                Ok(mut slot) => {
                    *slot = Some(policy);
                    0
                }
                Err(_) => 1,
            },
            Err(error) => {
                host().fail(error.text());
                1
            }
        }
    }

    /// Asks the policy; the answer is packed.
    pub fn pick(&self) -> i64 {
        let verdict = self.with(|policy| policy.pick(&Request::current(), &Backends::current()));
        verdict.unwrap_or(Verdict::Abstain).pack()
    }

    /// Tells the policy that the topology changed.
    pub fn topology(&self) {
        self.with(|policy| policy.topology(&Backends::current()));
    }

    /// Tells the policy that its interval has passed.
    pub fn tick(&self) {
        self.with(|policy| policy.tick(&Backends::current()));
    }

    fn with<R>(&self, hook: impl FnOnce(&mut P) -> R) -> Option<R> {
        self.0.try_borrow_mut().ok()?.as_mut().map(hook)
    }
}

impl<P: Observe> Slot<P> {
    /// Tells the policy how a response ended, in the numbers of [`abi::export::OBSERVE`](crate::abi::export::OBSERVE).
    pub fn observe(&self, backend: i32, status: i32, outcome: i32, head_us: i64, total_us: i64) {
        if let Some(response) = Response::from_abi(backend, status, outcome, head_us, total_us) {
            self.with(|policy| policy.observe(&response, &Backends::current()));
        }
    }
}
