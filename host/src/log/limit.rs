//! Limits how often lines of one kind are logged: ten thousand equal warnings a second say no more than one with their number.

use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::rate_limit::RateLimit;
use tracing::{Event, Level};

use super::field;

/// Lines of one kind at once, and the time in which one more comes free.
const BURST: u32 = 50;
const INTERVAL: Duration = Duration::from_secs(1);

/// Kinds that are told apart; more than these share a limit by chance.
const KINDS: usize = 512;

/// Fields of events that are limited where they come from.
const LIMITED_ALREADY: [&str; 2] = ["dropped", "unlogged"];

/// A rate limit for each kind of warning and error. Lines below a warning aren't limited: they say that something has changed, or
/// every detail was asked for.
#[derive(Debug)]
pub(super) struct Limits {
    clock: Clock,
    kinds: Box<[RateLimit]>,
}

impl Default for Limits {
    fn default() -> Self {
        let kinds = (0..KINDS).map(|_| RateLimit::new(BURST, INTERVAL)).collect();
        Self { clock: Clock::start(), kinds }
    }
}

impl Limits {
    /// Whether an event is logged: the number of events of its kind that weren't since the last one, or `None`.
    pub(super) fn admit(&self, event: &Event<'_>) -> Option<u64> {
        let metadata = event.metadata();
        let fields = metadata.fields();
        if *metadata.level() > Level::WARN || LIMITED_ALREADY.iter().any(|name| fields.field(name).is_some())
        {
            return Some(0);
        }
        let place = usize::try_from(field::kind(event) % KINDS as u64).unwrap_or_default();
        self.kinds[place].take(self.clock.now())
    }

    /// The number of unlogged events of kinds that have been quiet since, which no line has reported.
    pub(super) fn settle(&self) -> u64 {
        let now = self.clock.now();
        self.kinds.iter().map(|kind| kind.settle(now)).sum()
    }
}
