//! Waiting for something to happen, or for time to pass.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long unless it never comes.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than a client's connection is idle before it is parked, and than the sweep takes to see it.
pub const LONG_ENOUGH_TO_PARK: Duration = Duration::from_millis(500);

/// Between two looks whether something has happened: a pause that only spares the CPU.
const LOOK: Duration = Duration::from_millis(5);

/// Asks until the answer is yes.
///
/// # Panics
///
/// After [`DEADLINE`], with `what` was awaited.
pub fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// Sleeps. Only where the time itself is what is tested: what becomes of somebody who does nothing for that long, or is that slow.
/// Everything else is waited for.
pub fn sleep(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(began.elapsed()));
    }
}
