//! Waiting for something to happen, or for time to pass.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long unless it never comes.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// After so long without a request a client's connection has gone to rest, and the sweep has seen it. How long it is idle is
/// what its tests are about, so there is no event to wait for.
pub const LONG_ENOUGH_TO_REST: Duration = Duration::from_millis(500);

/// Between two looks whether something has happened: a pause that only spares the CPU.
const LOOK: Duration = Duration::from_millis(2);

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

/// Waits without listening to anybody: for tests of what becomes of somebody who does nothing for so long.
pub fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(began.elapsed()));
    }
}
