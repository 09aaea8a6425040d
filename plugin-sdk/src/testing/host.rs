//! The pool of a native test, and how a test changes it.

use super::answers::Call;
use super::pool::{Pool, TestBackend};
use super::{TestPolicy, TestRequest};
use crate::abi::WEIGHT_UNIT;
use crate::link::with_host;
use crate::{Backends, Error, Policy, Request, Stat};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A pool for native tests. Clones are the same pool.
///
/// Methods that take and give back the host set it up; [`weight`](Self::weight), [`zone`](Self::zone), [`label`](Self::label),
/// [`address`](Self::address) and [`as_backup`](Self::as_backup) are about the backend that was added last. Methods on `&self`
/// change it later. Each instance gets a changed topology before its next call, as in the proxy.
///
/// ```
/// use pointsman_sdk::testing::TestHost;
///
/// let host = TestHost::new().backend("a").weight(5).zone("east").backend("b").label("gpu", "h200");
/// host.at("a").draining(true);
/// host.add("c");
/// host.remove("b");
/// assert_eq!(host.run(|backends| (backends.name(0), backends.eligible(0), backends.name(1))), ("a".into(), false, "c".into()));
/// ```
#[derive(Clone, Debug)]
pub struct TestHost {
    pool: Rc<RefCell<Pool>>,
}

impl TestHost {
    /// A pool without backends, with an empty configuration and the random seed 1.
    #[must_use]
    pub fn new() -> Self {
        Self { pool: Rc::new(RefCell::new(Pool::new())) }
    }

    /// A pool of `count` backends of weight 1, named `b0`, `b1` and so on.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// assert_eq!(TestHost::of(1_000).run(|backends| backends.name(999)), "b999");
    /// ```
    #[must_use]
    pub fn of(count: usize) -> Self {
        let host = Self::new();
        {
            let mut pool = host.pool.borrow_mut();
            // The names differ by construction, so there is nothing to check among thousands.
            pool.backends.extend((0..count).map(|index| TestBackend::new(&format!("b{index}"))));
        }
        host
    }

    /// Adds a backend: weight 1, healthy, idle.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    #[must_use]
    pub fn backend(self, name: &str) -> Self {
        self.add(name);
        self
    }

    /// The last backend's weight, configured and effective, in units.
    #[must_use]
    pub fn weight(self, units: u32) -> Self {
        self.last().weight(units);
        self
    }

    /// The last backend's zone.
    #[must_use]
    pub fn zone(self, zone: &str) -> Self {
        self.last().zone(zone);
        self
    }

    /// A label of the last backend.
    #[must_use]
    pub fn label(self, key: &str, value: &str) -> Self {
        self.last().label(key, value);
        self
    }

    /// The last backend's address, as `ip:port`, or `unix:` and the path of a socket.
    #[must_use]
    pub fn address(self, address: &str) -> Self {
        self.last().change(|backend| address.clone_into(&mut backend.address));
        self
    }

    /// Makes the last backend a backup: eligible only when no other one is.
    #[must_use]
    pub fn as_backup(self) -> Self {
        self.last().change(|backend| backend.backup = true);
        self
    }

    /// The pool's policy configuration, for instances made from here on.
    ///
    /// ```
    /// use pointsman_sdk::prelude::*;
    /// use pointsman_sdk::testing::TestHost;
    /// use serde_json::json;
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(deny_unknown_fields)]
    /// struct Config { share: f64 }
    ///
    /// #[derive(Debug)]
    /// struct Canary;
    /// impl Policy for Canary {
    ///     type Config = Config;
    ///     fn new(config: Config, _: &Backends) -> Result<Self, Error> {
    ///         if (0.0..=1.0).contains(&config.share) { Ok(Self) } else { Err("share: must be 0.0 to 1.0".into()) }
    ///     }
    ///     fn pick(&mut self, _: &Request, _: &Backends) -> Verdict { Verdict::Abstain }
    /// }
    ///
    /// let refusal = |config| TestHost::new().config(config).policy::<Canary>().err().map(|error| error.to_string());
    /// assert_eq!(refusal(json!({ "share": 0.1 })), None);
    /// assert_eq!(refusal(json!({ "share": 7 })).as_deref(), Some("share: must be 0.0 to 1.0"));
    /// assert_eq!(refusal(json!({})).as_deref(), Some("policy.config: missing field `share`"));
    /// ```
    #[must_use]
    pub fn config(self, table: serde_json::Value) -> Self {
        self.pool.borrow_mut().config = table;
        self
    }

    /// Seeds the random numbers, for all instances together.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.pool.borrow_mut().random_state = seed;
        self
    }

    /// Adds a backend at the end of the topology.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add(&self, name: &str) {
        self.pool.borrow_mut().add(name);
    }

    /// Removes a backend; the indexes behind it move up. Its cells stay, and are found again if the name comes back.
    ///
    /// # Panics
    ///
    /// If there is no such backend.
    pub fn remove(&self, name: &str) {
        let mut pool = self.pool.borrow_mut();
        let index = pool.index_of(name);
        pool.backends.remove(index);
        pool.generation += 1;
    }

    /// Gives the topology another order.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// let host = TestHost::new().backend("a").backend("b");
    /// host.reverse();
    /// assert_eq!(host.run(|backends| backends.name(0)), "b");
    /// ```
    pub fn reverse(&self) {
        let mut pool = self.pool.borrow_mut();
        pool.backends.reverse();
        pool.generation += 1;
    }

    /// Whether the pool panics, as the proxy does when too few backends are healthy: those that aren't are eligible, too.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// let host = TestHost::of(2);
    /// host.at("b0").healthy(false);
    /// assert!(!host.run(|backends| backends.eligible(0)));
    /// host.panics(true);
    /// assert!(host.run(|backends| backends.eligible(0) && !backends.flags(0).healthy()));
    /// ```
    pub fn panics(&self, panics: bool) {
        let mut pool = self.pool.borrow_mut();
        pool.panics = panics;
        pool.generation += 1;
    }

    /// A backend, to change it.
    ///
    /// # Panics
    ///
    /// If there is no such backend.
    #[must_use]
    pub fn at(&self, name: &str) -> At<'_> {
        At { host: self, index: self.pool.borrow().index_of(name) }
    }

    /// Moves the clock on. Ticks don't come by themselves: see [`TestPolicy::tick`].
    pub fn advance(&self, by: Duration) {
        self.pool.borrow_mut().clock += by;
    }

    /// What was logged so far, as `level: line`.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.pool.borrow().logs.clone()
    }

    /// Makes an instance of a policy, as a worker of the proxy would.
    ///
    /// # Errors
    ///
    /// The text with which the policy refused.
    pub fn policy<P: Policy>(&self) -> Result<TestPolicy<P>, Error> {
        TestPolicy::start(self)
    }

    /// Runs `call` as if it were a hook of a policy, outside any request.
    pub fn run<R>(&self, call: impl FnOnce(&Backends) -> R) -> R {
        with_host(Rc::new(Call::new(self, &Rc::default(), None)), || call(&Backends::current()))
    }

    /// Runs `call` as if it were a pick for `request`.
    pub fn ask<R>(&self, request: &TestRequest, call: impl FnOnce(&Request, &Backends) -> R) -> R {
        let host = Call::new(self, &Rc::default(), Some(request.clone()));
        with_host(Rc::new(host), || call(&Request::current(), &Backends::current()))
    }

    pub(super) fn pool(&self) -> &RefCell<Pool> {
        &self.pool
    }

    fn last(&self) -> At<'_> {
        let backends = self.pool.borrow().backends.len();
        At { host: self, index: backends.checked_sub(1).expect("add a backend first") }
    }
}

impl Default for TestHost {
    fn default() -> Self {
        Self::new()
    }
}

/// One backend of a [`TestHost`], to change it. Each change takes effect at once.
///
/// ```
/// use pointsman_sdk::Stat;
/// use pointsman_sdk::testing::TestHost;
///
/// let host = TestHost::new().backend("a").weight(4);
/// host.at("a").slow_start(1_000).stat(Stat::InFlight, 9).full(true);
/// host.run(|backends| {
///     assert_eq!((backends.configured_weight(0), backends.weight(0)), (4_000, 1_000));
///     assert_eq!((backends.stat(Stat::InFlight, 0), backends.flags(0).full()), (9, true));
/// });
/// ```
#[derive(Debug)]
pub struct At<'host> {
    host: &'host TestHost,
    index: usize,
}

impl At<'_> {
    /// Weight, configured and effective, in units. A topology event.
    pub fn weight(&self, units: u32) -> &Self {
        self.weight_thousandths(units * WEIGHT_UNIT)
    }

    /// Weight, configured and effective, in thousandths. A topology event.
    pub fn weight_thousandths(&self, weight: u32) -> &Self {
        self.change(|backend| (backend.configured_weight, backend.weight) = (weight, weight))
    }

    /// Effective weight alone, in thousandths, as slow start sets it. A topology event.
    pub fn slow_start(&self, weight: u32) -> &Self {
        self.change(|backend| backend.weight = weight)
    }

    /// Zone; empty for none. A topology event.
    pub fn zone(&self, zone: &str) -> &Self {
        self.change(|backend| zone.clone_into(&mut backend.zone))
    }

    /// Sets a label. A topology event.
    pub fn label(&self, key: &str, value: &str) -> &Self {
        self.change(|backend| drop(backend.labels.insert(key.to_owned(), value.to_owned())))
    }

    /// Whether it passes its health checks. A topology event: only healthy backends are eligible.
    pub fn healthy(&self, healthy: bool) -> &Self {
        self.change(|backend| backend.healthy = healthy)
    }

    /// Whether it finishes what runs and gets nothing new. A topology event: then it is not eligible.
    pub fn draining(&self, draining: bool) -> &Self {
        self.change(|backend| backend.draining = draining)
    }

    /// Whether it is at its limit. No topology event.
    pub fn full(&self, full: bool) -> &Self {
        self.host.pool.borrow_mut().backends[self.index].full = full;
        self
    }

    /// Sets a live number. No topology event.
    pub fn stat(&self, stat: Stat, value: u64) -> &Self {
        self.host.pool.borrow_mut().backends[self.index].stats[stat as usize] = value;
        self
    }

    fn change(&self, change: impl FnOnce(&mut TestBackend)) -> &Self {
        let mut pool = self.host.pool.borrow_mut();
        change(&mut pool.backends[self.index]);
        pool.generation += 1;
        self
    }
}
