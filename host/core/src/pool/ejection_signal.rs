//! The signal from a worker that sees a backend fail to the health thread, which ejects it.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::backend::Streak;

/// A length that no streak reaches.
const NEVER: u32 = u32::MAX;

/// Signals that a backend has failed often enough in a row to be considered for ejection. Recording a streak costs two loads, and
/// only failures are recorded; signalling never blocks.
#[derive(Debug)]
pub struct EjectionSignal {
    gateway: AtomicU32,
    server_error: AtomicU32,
    notify: Notify,
}

impl Default for EjectionSignal {
    /// A signal that no streak gives.
    fn default() -> Self {
        Self { gateway: AtomicU32::new(NEVER), server_error: AtomicU32::new(NEVER), notify: Notify::new() }
    }
}

impl EjectionSignal {
    /// Sets the lengths at which a streak gives the signal; 0 is never.
    pub fn set(&self, at: Streak) {
        let threshold = |at| if at == 0 { NEVER } else { at };
        self.gateway.store(threshold(at.gateway), Relaxed);
        self.server_error.store(threshold(at.server_error), Relaxed);
    }

    /// Records that a backend's streak has become this long. Only the failure that completes it gives the signal: a backend
    /// that keeps failing is considered at the next beat.
    pub fn record(&self, streak: Streak) {
        if streak.gateway == self.gateway.load(Relaxed)
            || streak.server_error == self.server_error.load(Relaxed)
        {
            self.notify.notify_one();
        }
    }

    /// Waits for the signal; ready at once if it was given since the last wait.
    pub async fn signalled(&self) {
        self.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Whether there is a signal for this streak.
    fn signals(signal: &EjectionSignal, gateway: u32, server_error: u32) -> bool {
        signal.record(Streak { gateway, server_error });
        pin!(signal.signalled()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn signals_the_failure_that_completes_a_streak() {
        let signal = EjectionSignal::default();
        assert!(!signals(&signal, 5, 5), "it isn't set");
        signal.set(Streak { gateway: 5, server_error: 20 });
        assert!(!signals(&signal, 4, 19));
        assert!(signals(&signal, 5, 5));
        assert!(!signals(&signal, 6, 6));
        assert!(signals(&signal, 0, 20));
        signal.set(Streak { gateway: 0, server_error: 3 });
        assert!(!signals(&signal, 0, 1), "0 is never");
        assert!(signals(&signal, 3, 3));
    }
}
