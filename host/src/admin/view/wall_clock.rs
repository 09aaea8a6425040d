//! Moments of the process's clock as dates.

use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_core::clock::{Clock, Moment, WallClock};

/// A moment of the past as ms since 1970.
pub(super) fn ms(moment: Moment, clock: Clock) -> u64 {
    since_1970(WallClock::read(&clock).at(moment))
}

/// ms since 1970.
pub(super) fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}
