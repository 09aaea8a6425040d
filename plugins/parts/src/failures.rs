//! How often a backend has failed of late.
//!
//! A backend that fails at once has nothing in flight, and attracts what prefers idle ones. Counting recent failures "as if they
//! were active requests" (Google's Site Reliability Engineering, chapter 20) takes that away from it, and gives it back with time.

use std::time::Duration;

use pointsman_sdk::{Backends, Stat, cells, now_us};

/// How long a failure counts.
pub const WINDOW: Duration = Duration::from_secs(10);

const WINDOW_MS: u64 = WINDOW.as_millis() as u64;

/// A failure, as the level counts it.
const ONE: u64 = 1_000;

/// Highest level; times the window, it fits into 64 bits.
const GREATEST: u64 = 1 << 48;

/// Cells of a backend: failures that still count, in thousandths, at the time of the next one; what it had failed by then, of all
/// time; that time, ms.
const LEVEL: usize = 0;
const COUNTED: usize = 1;
const AT_MS: usize = 2;

/// How many failures of a backend count now: what came in within [`WINDOW`], each losing weight evenly until it is over.
///
/// It takes the backend's first three cells, which all workers share. A backend that hasn't failed within the window costs one
/// question to the host.
#[inline]
#[must_use]
pub fn recent_failures(backends: &Backends, index: usize) -> u64 {
    if backends.stat(Stat::MsSinceFailure, index) >= WINDOW_MS { 0 } else { counted(backends, index) }
}

/// The same of a backend that has failed within the window.
#[cold]
fn counted(backends: &Backends, index: usize) -> u64 {
    let cell = |slot| cells::backend(index, slot);
    let now_ms = (now_us() / 1_000).max(1);
    let (failures, seen) = (backends.stat(Stat::Failures, index), cell(COUNTED).get().cast_unsigned());
    let seen_ms = cell(AT_MS).get().cast_unsigned();
    let age_ms = if seen_ms == 0 { WINDOW_MS } else { now_ms.saturating_sub(seen_ms) };
    let left_ms = WINDOW_MS.saturating_sub(age_ms);
    let level = cell(LEVEL).get().cast_unsigned().min(GREATEST) * left_ms / WINDOW_MS;
    if seen_ms != 0 && failures == seen {
        return level.div_ceil(ONE);
    }
    let more = match failures.checked_sub(seen) {
        Some(more) if seen_ms != 0 => more.min(GREATEST / ONE),
        // Of what came before the first look nobody knows when; at least one is recent.
        _ => 1,
    };
    // Of a longer time than the window, the window has its part.
    let level = level + (more * ONE * WINDOW_MS / age_ms.max(WINDOW_MS)).max(ONE);
    // Of two workers that count at the same instant one may win; the next failure comes soon.
    cell(LEVEL).set(level.cast_signed());
    cell(COUNTED).set(failures.cast_signed());
    cell(AT_MS).set(now_ms.cast_signed());
    level.div_ceil(ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_sdk::testing::TestHost;

    fn failed(host: &TestHost, times: u64) -> u64 {
        host.at("a").stat(Stat::Failures, times).stat(Stat::MsSinceFailure, 0);
        count(host)
    }

    fn count(host: &TestHost) -> u64 {
        host.run(|backends| recent_failures(backends, 0))
    }

    #[test]
    fn failures_count_until_they_are_over() {
        let host = TestHost::new().backend("a");
        assert_eq!(count(&host), 0, "never failed");
        assert_eq!(failed(&host, 1_000), 1, "nobody knows when the others were");
        assert_eq!(failed(&host, 1_009), 10);
        host.advance(WINDOW / 2);
        assert_eq!(count(&host), 5);
        assert_eq!(count(&host), 5, "a look changes nothing");
        host.at("a").stat(Stat::MsSinceFailure, WINDOW_MS);
        assert_eq!(count(&host), 0);
    }

    #[test]
    fn a_steady_rate_counts_as_what_comes_within_the_window() {
        let host = TestHost::new().backend("a");
        let mut level = 0;
        for second in 0..100 {
            host.advance(Duration::from_secs(1));
            level = failed(&host, 1 + 20 * second);
        }
        // A level that loses a tenth each second and gains 20 ends at 200.
        assert!((199..=201).contains(&level), "{level}");
    }

    #[test]
    fn what_was_not_looked_at_for_long_counts_by_its_rate() {
        let host = TestHost::new().backend("a");
        failed(&host, 1);
        host.advance(100 * WINDOW);
        assert_eq!(failed(&host, 1_001), 10);
        assert_eq!(failed(&host, 0), 11, "another backend of the same name, which has failed once or more");
        assert!(failed(&host, u64::MAX) > 1 << 20, "no overflow");
    }
}
