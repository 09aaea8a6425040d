//! A counter of one worker.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter of one worker: what it has counted since it last told.
#[derive(Debug, Default)]
pub struct Count(Cell<u64>);

impl Count {
    /// Counts this many more.
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.set(self.0.get().wrapping_add(more));
    }

    /// Counts this many less, of what may have been told already.
    #[inline]
    pub fn sub(&self, less: u64) {
        self.0.set(self.0.get().wrapping_sub(less));
    }

    /// Moves what was counted into a total. One that has become less is added as well, as totals wrap around, too.
    pub(super) fn tell(&self, total: &AtomicU64) {
        let counted = self.0.take();
        if counted > 0 {
            total.fetch_add(counted, Relaxed);
        }
    }
}

/// Moves what was counted into totals, place by place.
pub(super) fn tell_all(counts: &[Count], totals: &[AtomicU64]) {
    counts.iter().zip(totals).for_each(|(count, total)| count.tell(total));
}

/// What totals say.
pub(super) fn read<const N: usize>(totals: &[AtomicU64; N]) -> [u64; N] {
    totals.each_ref().map(|total| total.load(Relaxed))
}
