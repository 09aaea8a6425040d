//! Time and chance, both from the host, so that a run can be replayed.

use crate::link::host;
use std::time::Duration;

/// Monotonic time in µs from an arbitrary start. Coarse: it moves in steps of up to 1 ms.
///
/// ```
/// use pointsman_sdk::now_us;
/// use pointsman_sdk::testing::TestHost;
/// use std::time::Duration;
///
/// let host = TestHost::new();
/// let before = host.run(|_| now_us());
/// host.advance(Duration::from_millis(3));
/// assert_eq!(host.run(|_| now_us()) - before, 3_000);
/// ```
#[must_use]
pub fn now_us() -> u64 {
    u64::try_from(host().now_us()).unwrap_or(0)
}

/// 64 random bits. Not for secrets.
///
/// ```
/// use pointsman_sdk::random;
/// use pointsman_sdk::testing::TestHost;
///
/// let draw = |seed| TestHost::new().seed(seed).run(|_| random());
/// assert_eq!(draw(1), draw(1));
/// assert_ne!(draw(1), draw(2));
/// ```
#[must_use]
pub fn random() -> u64 {
    host().random().cast_unsigned()
}

/// A random number below `bound`, such as an index; 0 if the bound is 0. It never exceeds 32 bits.
///
/// ```
/// use pointsman_sdk::random_below;
/// use pointsman_sdk::testing::TestHost;
///
/// TestHost::new().run(|_| {
///     assert!(random_below(6) < 6);
///     assert_eq!(random_below(0), 0);
/// });
/// ```
#[must_use]
pub fn random_below(bound: usize) -> usize {
    // The high half of a product is spread as evenly as the random number, and needs no division.
    let bound = u32::try_from(bound).unwrap_or(u32::MAX);
    (((random() >> 32) * u64::from(bound)) >> 32) as usize
}

/// Asks for [`tick`](crate::Policy::tick) at this interval, for this instance; zero stops the ticks.
///
/// The interval is passed in whole ms. Below 10 ms the host makes it 10 ms.
///
/// ```
/// use pointsman_sdk::prelude::*;
/// use pointsman_sdk::testing::TestHost;
/// use std::time::Duration;
///
/// struct Counting { ticks: u64 }
/// impl Policy for Counting {
///     type Config = ();
///     fn new(_: (), _: &Backends) -> Result<Self, Error> {
///         tick_every(Duration::from_secs(1));
///         Ok(Self { ticks: 0 })
///     }
///     fn pick(&mut self, _: &Request, _: &Backends) -> Verdict { Verdict::Abstain }
///     fn tick(&mut self, _: &Backends) {
///         self.ticks += 1;
///         log::info!("tick {}", self.ticks);
///     }
/// }
///
/// let host = TestHost::new();
/// let mut policy = host.policy::<Counting>()?;
/// assert_eq!(policy.tick_interval(), Some(Duration::from_secs(1)));
/// policy.tick();
/// assert_eq!(host.logs(), ["info: tick 1"]);
/// # Ok::<(), Error>(())
/// ```
pub fn tick_every(interval: Duration) {
    // An interval under 1 ms must not read as "never", and one beyond the range (24 days) is cut to it.
    let ms = interval.as_micros().div_ceil(1_000);
    host().tick_every(i32::try_from(ms).unwrap_or(i32::MAX));
}
