//! How fast the client takes a response.

use std::task::{Context, Poll};

use pointsman_core::clock::Moment;

use crate::config::DownstreamLimits;
use crate::deadline::{Deadline, Deadlines};
use crate::downstream::Pace;

/// A client that opens its window by less than this still keeps us waiting: one byte a minute isn't progress.
const PROGRESS: usize = 1024;

/// The pace at which the client opens the window of one stream.
pub(super) struct SendPace<'a> {
    limits: &'a DownstreamLimits,
    deadlines: &'a Deadlines,
    /// By when the whole response must be there.
    end: Option<Moment>,
    waiting: Option<Waiting>,
}

/// A client that has kept us waiting.
struct Waiting {
    pace: Pace,
    deadline: Deadline,
    /// Bytes taken since it began to.
    taken: usize,
}

impl<'a> SendPace<'a> {
    pub(super) fn new(limits: &'a DownstreamLimits, deadlines: &'a Deadlines, end: Option<Moment>) -> Self {
        Self { limits, deadlines, end, waiting: None }
    }

    /// The client keeps us waiting: ready when it has done so for too long.
    pub(super) fn poll_waited(&mut self, cx: &Context<'_>) -> Poll<()> {
        let now = self.deadlines.now();
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            pace: Pace::default(),
            deadline: self.deadlines.deadline(),
            taken: 0,
        });
        let until = waiting.pace.wait(now, self.limits.send_timeout, self.limits.min_send_rate);
        waiting.deadline.set_at(self.end.map_or(until, |end| end.min(until)));
        waiting.deadline.poll(cx)
    }

    /// The client has taken so many bytes.
    pub(super) fn count(&mut self, bytes: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.pace.count(bytes);
            waiting.taken += bytes;
        }
    }

    /// The client takes something again: it has made good if that is enough by now.
    pub(super) fn progress(&mut self) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.taken >= PROGRESS) {
            self.stop();
        }
    }

    /// There is nothing for the client to take.
    pub(super) fn stop(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.pace.stop_waiting(self.deadlines.now());
            waiting.deadline.clear();
            waiting.taken = 0;
        }
    }
}
