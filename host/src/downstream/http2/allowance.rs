//! How many frames that move nothing a client may send.

use pointsman_core::clock::Moment;

/// What each of them costs. The bytes that are sent to a client earn as much, so 32 of them a frame: who takes a lot may acknowledge
/// it in many frames, and an answer to PING, of 17 bytes, doesn't earn the next PING.
const FRAME: u64 = 32;

/// As many as may come at once.
const MOST: u64 = 10_000 * FRAME;

/// What each microsecond adds in thousandths, so that all of it is back after 10 s.
const MILLI_PER_MICRO: u64 = MOST / 10_000;

/// What is left to a client. Honest clients use it above all for PING and WINDOW_UPDATE, with which gRPC measures its connection.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u64,
    refilled: Moment,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: MOST, refilled: Moment::default() }
    }
}

impl Allowance {
    /// Takes one frame. `false` = there is none left.
    #[must_use]
    pub(super) fn take(&mut self, now: Moment) -> bool {
        let span = u64::try_from(now.since(self.refilled).as_micros()).unwrap_or(u64::MAX);
        self.refilled = self.refilled.max(now);
        self.earn(span.saturating_mul(MILLI_PER_MICRO) / 1_000);
        match self.left.checked_sub(FRAME) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }

    /// Bytes have been sent to the client.
    pub(super) fn earn(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000)
    }

    fn taken(allowance: &mut Allowance, now: Moment) -> usize {
        (0..20_000).take_while(|_| allowance.take(now)).count()
    }

    #[test]
    fn ten_thousand_come_back_in_ten_seconds() {
        let mut allowance = Allowance::default();
        assert_eq!(taken(&mut allowance, at(60_000)), 10_000);
        assert_eq!(taken(&mut allowance, at(60_000)), 0);
        assert_eq!(taken(&mut allowance, at(60_001)), 1);
        assert_eq!(taken(&mut allowance, at(65_001)), 5_000);
        assert_eq!(taken(&mut allowance, at(65_000)), 0, "time doesn't go back");
        assert_eq!(taken(&mut allowance, at(90_000)), 10_000, "a long pause fills it and no more");
        assert_eq!(taken(&mut allowance, Moment(u64::MAX)), 10_000);
    }

    #[test]
    fn what_is_sent_earns_more() {
        let mut allowance = Allowance::default();
        assert_eq!(taken(&mut allowance, at(0)), 10_000);
        allowance.earn(31);
        assert!(!allowance.take(at(0)));
        allowance.earn(1);
        assert!(allowance.take(at(0)) && !allowance.take(at(0)));
        allowance.earn(u64::MAX);
        assert_eq!(taken(&mut allowance, at(0)), 10_000);
    }
}
