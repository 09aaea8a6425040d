//! How fast a backend works at the moment.

use super::super::random::Stream;
use crate::spec::{Disturbed, Speed};

/// The speed that a backend has by itself, whatever events say of it.
pub(in super::super) struct Pace {
    speed: Speed,
    stream: Stream,
    is_disturbed: bool,
}

impl Pace {
    /// It may be disturbed from the beginning.
    pub(in super::super) fn new(speed: Speed, mut stream: Stream) -> Self {
        let is_disturbed = match speed {
            Speed::Steady(_) => false,
            Speed::Disturbed(Disturbed { share, .. }) => stream.chance(share),
        };
        Self { speed, stream, is_disturbed }
    }

    pub(super) fn now(&self) -> f64 {
        match self.speed {
            Speed::Steady(speed) => speed,
            Speed::Disturbed(speeds) if self.is_disturbed => speeds.disturbed,
            Speed::Disturbed(speeds) => speeds.usual,
        }
    }

    /// Draws when it changes; none, if never.
    pub(in super::super) fn changes_at(&mut self, now: u64) -> Option<u64> {
        let Speed::Disturbed(Disturbed { share, cycle, .. }) = self.speed else { return None };
        let part = if self.is_disturbed { share } else { 1.0 - share };
        // Not at once: others are to happen as well.
        Some(now + 1 + self.stream.exponential(cycle.0 as f64 * part) as u64)
    }

    pub(super) fn change(&mut self) {
        self.is_disturbed ^= true;
    }
}
