//! How fast a client sends or takes the bytes of a message.

use std::time::Duration;

use pointsman_core::clock::Moment;

use crate::deadline::GRANULARITY;

/// A client may take this long before its average rate counts.
const GRACE: Duration = Duration::from_secs(10);

/// The pace of a client in one message.
#[derive(Debug, Default)]
pub struct Pace {
    bytes: u64,
    /// Time spent waiting for the client; what the backend takes longer isn't the client's fault.
    waited: Duration,
    waiting_since: Option<Moment>,
}

impl Pace {
    /// The client keeps us waiting. It may until the returned moment: neither silent for longer than `silence`, nor
    /// slower than `least` bytes per second on average, if that isn't 0.
    pub fn wait(&mut self, now: Moment, silence: Duration, least: u64) -> Moment {
        let since = *self.waiting_since.get_or_insert(now);
        let mut span = silence;
        if let Some(earned) = self.bytes.checked_div(least) {
            let earned = Duration::from_secs(earned).max(GRACE);
            span = span.min(earned.saturating_sub(self.waited));
        }
        since.after(span + GRANULARITY)
    }

    /// The client has moved bytes.
    pub fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Whether the client keeps us waiting.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// The client doesn't keep us waiting any more.
    pub fn stop_waiting(&mut self, now: Moment) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    /// Seconds for which the client may wait on at `now`.
    fn left(pace: &mut Pace, now: u64, silence: u64, least: u64) -> u64 {
        let until = pace.wait(at(now), Duration::from_secs(silence), least);
        until.since(at(now)).saturating_sub(GRANULARITY).as_secs()
    }

    #[test]
    fn silence_counts_anew_after_each_byte() {
        let mut pace = Pace::default();
        for now in [0, 7, 100] {
            assert_eq!(left(&mut pace, now, 30, 0), 30);
            assert_eq!(left(&mut pace, now + 5, 30, 0), 25, "more waiting is the same silence");
            pace.count(1);
            pace.stop_waiting(at(now + 6));
            assert!(!pace.is_waiting());
        }
    }

    #[test]
    fn the_average_counts_after_the_grace_and_only_while_we_wait() {
        let mut pace = Pace::default();
        assert_eq!(left(&mut pace, 0, 30, 500), 10);
        pace.count(100);
        pace.stop_waiting(at(9));
        // Whatever happens elsewhere in between.
        assert_eq!(left(&mut pace, 1_000, 30, 500), 1);
        pace.stop_waiting(at(1_000));
        pace.count(10_000);
        assert_eq!(left(&mut pace, 1_000, 30, 500), 11, "20 s are earned and 9 s used");
        assert_eq!(left(&mut pace, 1_000, 5, 500), 5);
    }
}
