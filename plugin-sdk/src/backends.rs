//! The pool's backends as a policy sees them.

use crate::abi::{backend_field, stat};
use crate::buffers::{self, BACKEND_LIMIT};
use crate::flags::Flags;
use crate::imports::number;
use crate::link::host;
use std::fmt;
use std::ops::Range;

/// The pool's backends: names, weights, flags and live numbers.
///
/// This is a handle without content: each method asks the host, which costs some nanoseconds, and answers what
/// is true at that moment for all workers. Backends go by *index*, `0..len()`. An index holds until the next
/// [`topology`](crate::Policy::topology) event; ineligible backends have one too. An unknown index is not an
/// error: it has no name, no weight and no flags.
///
/// To look at all backends, read a *column* (one number for each) into a `Vec` that the policy keeps: one call
/// instead of one per backend.
///
/// ```
/// use pointsman_sdk::testing::TestHost;
///
/// TestHost::new().backend("a").weight(5).backend("b").zone("east").run(|backends| {
///     assert_eq!(backends.len(), 2);
///     assert_eq!(backends.name(0), "a");
///     assert_eq!(backends.weight(0), 5_000);
///     assert_eq!(backends.zone(1).as_deref(), Some("east"));
/// });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Backends(());

impl Backends {
    /// The backends of the pool whose policy is being called.
    pub(crate) fn current() -> Self {
        Self(())
    }

    /// Number of backends in the topology, eligible or not.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(host().backend_count()).unwrap_or(0).min(BACKEND_LIMIT)
    }

    /// Whether the topology has no backend.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All indexes, in order.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// TestHost::new().backend("a").backend("b").run(|backends| {
    ///     let names: Vec<String> = backends.indexes().map(|index| backends.name(index)).collect();
    ///     assert_eq!(names, ["a", "b"]);
    /// });
    /// ```
    #[must_use]
    pub fn indexes(&self) -> Range<usize> {
        0..self.len()
    }

    /// The backend's name, unique in its pool. Names outlive topologies; indexes don't.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        self.text(index, backend_field::NAME).unwrap_or_default()
    }

    /// The backend's address, as `ip:port`, or `unix:` and the path of a socket.
    #[must_use]
    pub fn address(&self, index: usize) -> String {
        self.text(index, backend_field::ADDRESS).unwrap_or_default()
    }

    /// The backend's zone, if one is configured.
    #[must_use]
    pub fn zone(&self, index: usize) -> Option<String> {
        self.text(index, backend_field::ZONE).filter(|zone| !zone.is_empty())
    }

    /// The backend's label under `key`, if it has one.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// TestHost::new().backend("a").label("gpu", "h200").run(|backends| {
    ///     assert_eq!(backends.label(0, "gpu").as_deref(), Some("h200"));
    ///     assert_eq!(backends.label(0, "disk"), None);
    /// });
    /// ```
    #[must_use]
    pub fn label(&self, index: usize, key: &str) -> Option<String> {
        buffers::text(|buf| host().backend_label(number(index), key, buf)).ok()
    }

    /// Effective weight in thousandths: slow start is included, so it can change with each topology event.
    #[must_use]
    pub fn weight(&self, index: usize) -> u32 {
        u32::try_from(host().weight(number(index))).unwrap_or(0)
    }

    /// Configured weight in thousandths: only the operator changes it.
    #[must_use]
    pub fn configured_weight(&self, index: usize) -> u32 {
        u32::try_from(host().configured_weight(number(index))).unwrap_or(0)
    }

    /// Effective weights of all backends, in thousandths.
    ///
    /// ```
    /// # use pointsman_sdk::testing::TestHost;
    /// # TestHost::new().backend("a").weight(5).backend("b").run(|backends| {
    /// let mut weights = Vec::new();
    /// backends.weights(&mut weights);
    /// assert_eq!(weights, [5_000, 1_000]);
    /// # });
    /// ```
    pub fn weights(&self, column: &mut Vec<u32>) {
        buffers::column(column, |buf| host().weights(buf));
    }

    /// The backend's flags.
    #[must_use]
    pub fn flags(&self, index: usize) -> Flags {
        Flags::from_bits(host().flags(number(index)).cast_unsigned())
    }

    /// Flags of all backends.
    ///
    /// ```
    /// # use pointsman_sdk::{Flags, testing::TestHost};
    /// # let host = TestHost::new().backend("a").backend("b");
    /// # host.at("b").healthy(false);
    /// # host.run(|backends| {
    /// let mut flags = Vec::new();
    /// backends.flags_column(&mut flags);
    /// let eligible: Vec<bool> = flags.into_iter().map(Flags::eligible).collect();
    /// assert_eq!(eligible, [true, false]);
    /// # });
    /// ```
    pub fn flags_column(&self, column: &mut Vec<Flags>) {
        buffers::column(column, |buf| host().all_flags(buf));
    }

    /// Whether the backend may be picked; short for `flags(index).eligible()`.
    #[must_use]
    pub fn eligible(&self, index: usize) -> bool {
        self.flags(index).eligible()
    }

    /// One live number of one backend. Right for policies that look at a few backends per pick.
    ///
    /// ```
    /// # use pointsman_sdk::{Stat, testing::TestHost};
    /// # let host = TestHost::new().backend("a");
    /// # host.at("a").stat(Stat::InFlight, 3);
    /// # host.run(|backends| {
    /// assert_eq!(backends.stat(Stat::InFlight, 0), 3);
    /// # });
    /// ```
    #[must_use]
    pub fn stat(&self, stat: Stat, index: usize) -> u64 {
        host().stat(stat as i32, number(index)).cast_unsigned()
    }

    /// The same number of all backends. Right for policies that look at all of them.
    ///
    /// ```
    /// # use pointsman_sdk::{Stat, testing::TestHost};
    /// # let host = TestHost::new().backend("a").backend("b");
    /// # host.at("b").stat(Stat::InFlight, 3);
    /// # host.run(|backends| {
    /// let mut loads = Vec::new();
    /// backends.stats(Stat::InFlight, &mut loads);
    /// assert_eq!(loads, [0, 3]);
    /// # });
    /// ```
    pub fn stats(&self, stat: Stat, column: &mut Vec<u64>) {
        buffers::column(column, |buf| host().stats(stat as i32, buf));
    }

    fn text(&self, index: usize, field: i32) -> Option<String> {
        buffers::text(|buf| host().backend_text(number(index), field, buf)).ok()
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backends")
    }
}

/// Live numbers that the host keeps of each backend, over all workers.
///
/// See [`Backends::stat`] and [`Backends::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Stat {
    /// Requests in flight.
    InFlight = stat::IN_FLIGHT,
    /// Requests waiting because every backend is full; the same number for all of them.
    Queued = stat::QUEUED,
    /// Requests sent since the backend was added.
    Requests = stat::REQUESTS,
    /// Of those, how many failed: no connection, no response, or a status of 500 and above.
    Failures = stat::FAILURES,
    /// Moving average of the time to the response head, µs.
    LatencyEwmaUs = stat::LATENCY_EWMA_US,
    /// The same, jumping to each new peak and decaying from there, µs.
    PeakEwmaUs = stat::PEAK_EWMA_US,
    /// Moving share of failures, parts per million.
    ErrorRatePpm = stat::ERROR_RATE_PPM,
    /// Load that the backend reports of itself, parts per million; 0 if it reports none.
    ReportedLoadPpm = stat::REPORTED_LOAD_PPM,
    /// Time since the last failure, ms; the greatest number if there was none.
    MsSinceFailure = stat::MS_SINCE_FAILURE,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    #[test]
    fn an_unknown_index_has_nothing() {
        TestHost::new().backend("a").run(|backends| {
            for index in [1, 1 << 20, usize::MAX] {
                assert_eq!((backends.name(index), backends.address(index)), (String::new(), String::new()));
                assert_eq!((backends.zone(index), backends.label(index, "x")), (None, None));
                assert_eq!((backends.weight(index), backends.configured_weight(index)), (0, 0));
                assert_eq!(
                    (backends.flags(index), backends.stat(Stat::InFlight, index)),
                    (Flags::default(), 0)
                );
            }
        });
    }
}
