//! The way from a worker that sees a backend fail to whoever ejects it.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::backend::Streak;

/// What no streak reaches.
const NEVER: u32 = u32::MAX;

/// Rings when a backend has failed so often in a row that somebody should look at it. To hear a streak costs two loads,
/// and only failures are heard; to ring never blocks.
#[derive(Debug)]
pub struct Alarm {
    gateway: AtomicU32,
    server_error: AtomicU32,
    bell: Notify,
}

impl Default for Alarm {
    /// An alarm that never rings.
    fn default() -> Self {
        Self { gateway: AtomicU32::new(NEVER), server_error: AtomicU32::new(NEVER), bell: Notify::new() }
    }
}

impl Alarm {
    /// Lets it ring at streaks of this length; 0 is never.
    pub fn set(&self, at: Streak) {
        let threshold = |at| if at == 0 { NEVER } else { at };
        self.gateway.store(threshold(at.gateway), Relaxed);
        self.server_error.store(threshold(at.server_error), Relaxed);
    }

    /// A backend's streak has become this long. Rings only for the failure that completes it: what goes on failing is
    /// looked at in its turn.
    pub fn hear(&self, streak: Streak) {
        if streak.gateway == self.gateway.load(Relaxed)
            || streak.server_error == self.server_error.load(Relaxed)
        {
            self.bell.notify_one();
        }
    }

    /// Waits until it rings, or has rung since the last time somebody waited.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Whether it rings for this streak.
    fn rings(alarm: &Alarm, gateway: u32, server_error: u32) -> bool {
        alarm.hear(Streak { gateway, server_error });
        pin!(alarm.rung()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn rings_for_the_failure_that_completes_a_streak() {
        let alarm = Alarm::default();
        assert!(!rings(&alarm, 5, 5), "it isn't set");
        alarm.set(Streak { gateway: 5, server_error: 20 });
        assert!(!rings(&alarm, 4, 19));
        assert!(rings(&alarm, 5, 5));
        assert!(!rings(&alarm, 6, 6));
        assert!(rings(&alarm, 0, 20));
        alarm.set(Streak { gateway: 0, server_error: 3 });
        assert!(!rings(&alarm, 0, 1), "0 is never");
        assert!(rings(&alarm, 3, 3));
    }
}
