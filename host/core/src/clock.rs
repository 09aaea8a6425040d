//! Monotonic time as a plain number.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// A moment on the process's monotonic clock.
///
/// µs since the [`Clock`] was made: small enough for an atomic, never affected by changes of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Time since `earlier`; zero if `earlier` is later.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus `span`.
    #[inline]
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

/// What all [`Moment`]s of a process are read from. Copies of one clock agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// The system's monotonic clock, counted from this many ns on: a number, as each request reads the clock several times, and the
    /// arithmetic of [`Instant`](std::time::Instant) takes as long as the reading.
    System { origin: u64 },
    /// A number that the caller sets. A reference and no `Arc`, because clocks are copied.
    Manual(&'static AtomicU64),
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { source: Source::System { origin: monotonic_nanos() } }
    }

    /// A clock that stands still unless it is set, for tests and simulations. It starts at moment 0.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use pointsman_core::clock::{Clock, Moment};
    /// let (clock, hands) = Clock::manual();
    /// hands.advance(Duration::from_millis(50));
    /// assert_eq!(clock.now(), Moment(50_000));
    /// ```
    ///
    /// Its time is never freed: 8 bytes for each manual clock, so that a [`Clock`] can be copied.
    #[must_use]
    pub fn manual() -> (Self, ClockHands) {
        let now: &'static AtomicU64 = Box::leak(Box::default());
        (Self { source: Source::Manual(now) }, ClockHands { now })
    }

    /// The present moment.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Moment {
        match self.source {
            Source::System { origin } => Moment(monotonic_nanos().saturating_sub(origin) / 1_000),
            Source::Manual(now) => Moment(now.load(Relaxed)),
        }
    }
}

/// The system's time beside that of a clock: what turns moments into dates.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    now: SystemTime,
    moment: Moment,
}

impl WallClock {
    /// Both as they are now: the system's time may be set at any moment.
    #[must_use]
    pub fn read(clock: &Clock) -> Self {
        Self { now: SystemTime::now(), moment: clock.now() }
    }

    /// The date of a moment of the past; of a later one, the date of now.
    #[must_use]
    pub fn at(self, moment: Moment) -> SystemTime {
        self.now.checked_sub(self.moment.since(moment)).unwrap_or(self.now)
    }
}

/// What sets a [manual clock](Clock::manual).
#[derive(Debug, Clone, Copy)]
pub struct ClockHands {
    now: &'static AtomicU64,
}

impl ClockHands {
    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        self.now.fetch_add(micros(span), Relaxed);
    }

    /// Sets the clock; never back, as it is monotonic.
    pub fn set(&self, moment: Moment) {
        self.now.fetch_max(moment.0, Relaxed);
    }
}

/// The system's monotonic clock, ns since some moment. It never reads as negative, and doesn't overflow for 584 years.
#[inline]
fn monotonic_nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
}

/// A span of time in µs; the most that fits if it is longer.
#[inline]
#[must_use]
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_set_and_never_back() {
        let (clock, hands) = Clock::manual();
        let (other, _) = Clock::manual();
        assert_eq!(clock.now(), Moment(0));
        hands.advance(Duration::from_secs(1));
        hands.set(Moment(5_000_000));
        hands.set(Moment(2));
        assert_eq!(clock.now(), Moment(5_000_000));
        assert_eq!(other.now(), Moment(0), "each clock has its own time");
    }

    #[test]
    fn a_systems_clock_goes_as_the_standard_librarys_does() {
        let before = Instant::now();
        let clock = Clock::start();
        let first = Instant::now();
        std::thread::sleep(Duration::from_millis(2));
        let last = Instant::now();
        let now = clock.now();
        let (least, most) = (micros(last - first), micros(before.elapsed()));
        assert!((least..=most).contains(&now.0), "{least} {now:?} {most}");
        assert!(clock.now() >= now);
    }
}
