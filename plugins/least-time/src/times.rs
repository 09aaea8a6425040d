//! How long each backend takes: what is kept of it in cells, and how it counts.

use pointsman_sdk::prelude::*;
use std::time::Duration;

/// Cells of a backend, after those that the count of its failures takes: average time to the response head, µs, 0 = not known; when it
/// was last used, µs.
const TIME: usize = 3;
const USED: usize = 4;

/// A new sample counts for a twentieth.
const PART: u64 = 20;

/// Times count in steps, so that backends that are about as fast have turns, and up to a most: beyond it all are just slow.
const STEP_US: u64 = 20_000;
const MOST_STEPS: u64 = 250;

/// After which time what was read of other workers is read anew.
const FRESH_US: u64 = 10_000;

/// Times of all backends, as this worker knows them.
#[derive(Debug)]
pub(crate) struct Times {
    idle_us: u64,
    /// In steps, 1 to [`MOST_STEPS`].
    steps: Vec<u8>,
    /// When `steps` was read; `None` = never.
    read_us: Option<u64>,
}

impl Times {
    /// A backend that isn't used for `idle` is taken to be twice as fast as before.
    pub(crate) fn new(idle: Duration) -> Self {
        let idle_us = u64::try_from(idle.as_micros()).unwrap_or(u64::MAX).max(1);
        Self { idle_us, steps: Vec::new(), read_us: None }
    }

    /// Indexes mean other backends now.
    pub(crate) fn forget(&mut self) {
        self.read_us = None;
    }

    /// The time of each backend, in steps.
    pub(crate) fn steps(&mut self, backends: &Backends) -> &[u8] {
        let now = now_us();
        if self.read_us.is_none_or(|read| now.saturating_sub(read) >= FRESH_US) {
            self.read_us = Some(now);
            self.steps.clear();
            let idle_us = self.idle_us;
            self.steps.extend(backends.indexes().map(|index| steps(expected(index, idle_us, now).0)));
        }
        &self.steps
    }

    /// A request goes there.
    pub(crate) fn used(&self, index: usize) {
        let now = now_us();
        let (time, has_changed) = expected(index, self.idle_us, now);
        if has_changed {
            // Of two workers that do it at the same instant, both write the same.
            cells::backend(index, TIME).set(time.cast_signed());
        }
        cells::backend(index, USED).set(now.max(1).cast_signed());
    }

    /// A response head took so long.
    pub(crate) fn learn(&mut self, index: usize, head: Duration) {
        self.used(index);
        let sample = u64::try_from(head.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        let cell = cells::backend(index, TIME);
        let time = averaged(cell.get().cast_unsigned(), sample);
        // Of two workers that learn at the same instant one may win; the next sample comes soon.
        cell.set(time.cast_signed());
        if let Some(known) = self.steps.get_mut(index) {
            *known = steps(time);
        }
    }
}

/// The average time of a backend, µs, halved for each idle period that has passed without use; and whether there was one.
fn expected(index: usize, idle_us: u64, now: u64) -> (u64, bool) {
    let time = cells::backend(index, TIME).get().cast_unsigned();
    if time == 0 {
        return (0, false);
    }
    let idle = now.saturating_sub(cells::backend(index, USED).get().cast_unsigned());
    if idle < idle_us {
        return (time, false);
    }
    let halvings = u32::try_from(idle / idle_us).unwrap_or(u32::MAX);
    // Never 0, which is one that isn't known.
    (time.checked_shr(halvings).unwrap_or(0).max(1), true)
}

/// The average with one sample more; the first counts in full.
fn averaged(time: u64, sample: u64) -> u64 {
    if time == 0 { sample } else { (time * (PART - 1) + sample) / PART }
}

fn steps(time_us: u64) -> u8 {
    time_us.div_ceil(STEP_US).clamp(1, MOST_STEPS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_sdk::testing::TestHost;

    #[test]
    fn times_count_in_steps() {
        for (us, expected) in [
            (0, 1),
            (1, 1),
            (20_000, 1),
            (20_001, 2),
            (100_000, 5),
            (4_980_001, 250),
            (5_000_000, 250),
            (60_000_000, 250),
            (u64::MAX, 250),
        ] {
            assert_eq!(steps(us), expected, "{us} µs");
        }
    }

    #[test]
    fn a_sample_counts_for_a_twentieth() {
        assert_eq!(averaged(0, 7_000), 7_000);
        assert_eq!(averaged(100_000, 100_000), 100_000);
        assert_eq!(averaged(100_000, 0), 95_000);
        // What is left of the first after as many: .95²⁰ = .358.
        let left = (0..20).fold(1_000_000, |time, _| averaged(time, 0));
        assert!((left as f64 / 1e6 - 0.3585).abs() < 0.001, "{left}");
        assert_eq!(averaged(1 << 40, 1 << 40), 1 << 40);
    }

    #[test]
    fn idle_periods_halve() {
        let host = TestHost::of(1);
        let mut times = Times::new(Duration::from_secs(10));
        let seconds = |seconds| host.advance(Duration::from_secs(seconds));
        let now = |times: &mut Times| {
            seconds(1);
            host.run(|backends| times.steps(backends)[0])
        };
        host.run(|_| times.learn(0, Duration::from_millis(1_600)));
        assert_eq!(now(&mut times), 80);
        seconds(8);
        // 10 s and 20 s after its last use.
        assert_eq!(now(&mut times), 40);
        assert_eq!(now(&mut times), 40);
        seconds(8);
        assert_eq!(now(&mut times), 20);
        // What has been halved stays halved, once.
        host.run(|_| times.used(0));
        assert_eq!(now(&mut times), 20);
        host.run(|_| times.learn(0, Duration::from_millis(1_600)));
        assert_eq!(now(&mut times), 23, "400 ms · .95 + 1600 ms / 20");
        seconds(10_000);
        assert_eq!(now(&mut times), 1);
    }
}
