//! One instance of a policy under test.

use super::answers::{Call, GuestReport};
use super::{TestHost, TestRequest};
use crate::instance::Slot;
use crate::link::with_host;
use crate::{Error, Observe, Policy, Response, Verdict};
use std::rc::Rc;
use std::time::Duration;

/// An instance of a policy over a [`TestHost`], driven as a worker of the proxy drives one.
///
/// Make it with [`TestHost::policy`].
#[derive(Debug)]
pub struct TestPolicy<P> {
    host: TestHost,
    slot: Slot<P>,
    report: Rc<GuestReport>,
    generation: u64,
}

impl<P: Policy> TestPolicy<P> {
    pub(super) fn start(host: &TestHost) -> Result<Self, Error> {
        let generation = host.pool().borrow().generation;
        let policy = Self { host: host.clone(), slot: Slot::empty(), report: Rc::default(), generation };
        match policy.call(None, |slot| slot.init()) {
            0 => Ok(policy),
            _ => Err(Error::new(policy.report.failure())),
        }
    }

    /// One pick. The verdict is what the policy said, right or wrong.
    pub fn pick(&mut self, request: &TestRequest) -> Verdict {
        self.catch_up();
        let packed = self.call(Some(request), |slot| slot.pick());
        Verdict::unpack(packed).expect("a packed verdict unpacks")
    }

    /// One pick, checked as the proxy checks it, by the backend's name. A backend that is full is marked as tried and the
    /// policy asked once more.
    ///
    /// # Panics
    ///
    /// If the policy picks no backend, or one that the proxy would not accept.
    pub fn pick_name(&mut self, request: &TestRequest) -> String {
        let (name, full) = self.accepted(request);
        if !full {
            return name;
        }
        let (other, full) = self.accepted(&request.clone().tried(&name));
        assert!(!full, "the policy picked {name:?} and then {other:?}, which are both full");
        other
    }

    /// The names of this many picks for a plain request, with a space between.
    ///
    /// # Panics
    ///
    /// As [`pick_name`](Self::pick_name).
    pub fn pick_names(&mut self, picks: usize) -> String {
        let request = TestRequest::new();
        (0..picks).map(|_| self.pick_name(&request)).collect::<Vec<_>>().join(" ")
    }

    /// Tells the policy that its interval has passed.
    pub fn tick(&mut self) {
        self.catch_up();
        self.call(None, |slot| slot.tick());
    }

    /// The interval that the policy has asked for.
    #[must_use]
    pub fn tick_interval(&self) -> Option<Duration> {
        self.report.tick_interval()
    }

    fn accepted(&mut self, request: &TestRequest) -> (String, bool) {
        let verdict = self.pick(request);
        let Verdict::Backend(index) = verdict else { panic!("the policy picked no backend: {verdict:?}") };
        let pool = self.host.pool().borrow();
        let backend = pool.backends.get(index).unwrap_or_else(|| panic!("no backend has the index {index}"));
        let name = backend.name.clone();
        assert!(pool.flags(backend).eligible(), "the policy picked {name:?}, which is not eligible");
        assert!(!request.tried.contains(&name), "the policy picked {name:?}, which was tried before");
        (name, backend.full)
    }

    /// Tells the policy of a topology that it has not seen, once for any number of changes, as the proxy does.
    fn catch_up(&mut self) {
        let generation = self.host.pool().borrow().generation;
        if self.generation != generation {
            self.generation = generation;
            self.call(None, |slot| slot.topology());
        }
    }

    fn call<R>(&self, request: Option<&TestRequest>, hook: impl FnOnce(&Slot<P>) -> R) -> R {
        let host = Call::new(&self.host, &self.report, request.cloned());
        with_host(Rc::new(host), || hook(&self.slot))
    }
}

impl<P: Observe> TestPolicy<P> {
    /// Tells the policy how a response ended.
    ///
    /// ```
    /// use pointsman_sdk::prelude::*;
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    /// use std::time::Duration;
    ///
    /// struct Tally;
    /// impl Policy for Tally {
    ///     type Config = ();
    ///     fn new(_: (), _: &Backends) -> Result<Self, Error> { Ok(Self) }
    ///     fn pick(&mut self, _: &Request, _: &Backends) -> Verdict { Verdict::Abstain }
    /// }
    /// impl Observe for Tally {
    ///     fn observe(&mut self, response: &Response, backends: &Backends) {
    ///         let (path, name) = (response.request().path(), backends.name(response.backend));
    ///         log::info!("{path} from {name}: {:?}", response.outcome);
    ///     }
    /// }
    ///
    /// let host = TestHost::new().backend("a");
    /// let mut policy = host.policy::<Tally>()?;
    /// let late = Response::new(0, None, Outcome::Timeout, Duration::from_secs(60));
    /// policy.observe(&TestRequest::new().path("/slow"), &late);
    /// assert_eq!(host.logs(), ["info: /slow from a: Timeout"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn observe(&mut self, request: &TestRequest, response: &Response) {
        self.catch_up();
        let (backend, status, outcome, head_us, total_us) = response.to_abi();
        self.call(Some(request), |slot| slot.observe(backend, status, outcome, head_us, total_us));
    }
}
