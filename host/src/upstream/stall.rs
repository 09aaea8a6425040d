//! How long the client keeps the backend waiting: a backend that gives up then has not failed.

use std::cell::Cell;
use std::time::Duration;

use pointsman_core::clock::Moment;

/// A backend that closes after a client has sent nothing for this long in all had reason to. One that closes sooner fails by
/// itself: a client's next packet is always on the way for a moment.
pub(super) const SENT_NOTHING: Duration = Duration::from_millis(250);

/// The same of a client that takes nothing. A download is nearly always slower than the backend, so this is longer.
pub(super) const TAKEN_NOTHING: Duration = Duration::from_secs(1);

/// The time that the client has let pass in all.
#[derive(Debug, Default)]
pub(super) struct Stall {
    since: Cell<Option<Moment>>,
    before: Cell<Duration>,
}

impl Stall {
    /// It's the client's turn.
    pub(super) fn begin(&self, now: impl FnOnce() -> Moment) {
        if self.since.get().is_none() {
            self.since.set(Some(now()));
        }
    }

    /// The client has done something.
    pub(super) fn end(&self, now: impl FnOnce() -> Moment) {
        if let Some(since) = self.since.take() {
            self.before.set(self.before.get() + now().since(since));
        }
    }

    /// Whether it's the client's turn.
    pub(super) fn is_on(&self) -> bool {
        self.since.get().is_some()
    }

    /// How long it has been the client's turn in all.
    pub(super) fn total(&self, now: Moment) -> Duration {
        self.before.get() + self.since.get().map_or(Duration::ZERO, |since| now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_add_up() {
        let stall = Stall::default();
        stall.begin(|| Moment(1_000));
        stall.begin(|| Moment(2_000));
        assert_eq!((stall.is_on(), stall.total(Moment(4_000))), (true, Duration::from_millis(3)));
        stall.end(|| Moment(6_000));
        stall.end(|| Moment(9_000));
        assert_eq!((stall.is_on(), stall.total(Moment(9_000))), (false, Duration::from_millis(5)));
        stall.begin(|| Moment(10_000));
        assert_eq!(stall.total(Moment(11_000)), Duration::from_millis(6));
    }
}
