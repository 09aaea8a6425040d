//! Requests that share a backend alike.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::job::JobId;

/// Requests of which each gets as much work done as any other, since it came.
///
/// So it is enough to know how much each has got done in all, and for every request at how much it ends.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Work done for each request that has been there from the beginning, µs.
    done: f64,
    /// When that was.
    at: u64,
    /// Requests by what is done when they end.
    ends: BinaryHeap<Reverse<(Work, JobId)>>,
    /// Counts up with each change, so that what was announced before it can be told.
    pub(super) version: u32,
}

/// Work, of which there is an order: it is a number, and never negative.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Work(f64);

impl Eq for Work {}

impl Ord for Work {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Work {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Shared {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Time passes, in which each request got this much done in a microsecond.
    pub(super) fn pass(&mut self, now: u64, rate: f64) {
        self.done += (now - self.at) as f64 * rate;
        self.at = now;
    }

    pub(super) fn add(&mut self, job: JobId, work: f64) {
        self.ends.push(Reverse((Work(self.done + work), job)));
    }

    /// What is left of the request that ends next.
    pub(super) fn least_left(&self) -> Option<f64> {
        self.ends.peek().map(|Reverse((Work(end), _))| end - self.done)
    }

    /// Takes those that have ended, but for what a sum of fractions may be off.
    pub(super) fn take_ended(&mut self, ended: &mut Vec<JobId>) {
        while self.least_left().is_some_and(|left| left <= 1e-6 * self.done.max(1.0).sqrt()) {
            ended.extend(self.ends.pop().map(|Reverse((_, job))| job));
        }
    }
}
