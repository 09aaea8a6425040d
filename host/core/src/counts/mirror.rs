//! What is counted of the requests that a pool gets beside another one.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cell::read;

/// What became of a mirrored request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorEnd {
    /// A backend has answered it, whatever it said.
    Answered,
    /// It came to no answer.
    Failed,
    /// It took too long.
    TimedOut,
    /// There was no backend for it, or none with room.
    NoBackend,
    /// As many as may be were on their way already.
    NoRoom,
    /// Its body is too long.
    LargeBody,
    /// Its body didn't come to its end.
    BrokenBody,
    /// The proxy ended before it did.
    CutOff,
}

impl MirrorEnd {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 8] = [
        Self::Answered,
        Self::Failed,
        Self::TimedOut,
        Self::NoBackend,
        Self::NoRoom,
        Self::LargeBody,
        Self::BrokenBody,
        Self::CutOff,
    ];

    /// As the label `result` says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::NoBackend => "no-backend",
            Self::NoRoom => "no-room",
            Self::LargeBody => "large-body",
            Self::BrokenBody => "broken-body",
            Self::CutOff => "cut-off",
        }
    }
}

/// What all workers have counted of the requests that are mirrored to a pool.
#[derive(Debug, Default)]
pub struct MirrorCounts {
    ended: [AtomicU64; MirrorEnd::ALL.len()],
    open: AtomicU64,
}

impl MirrorCounts {
    /// Takes a place for another request, of `most` for all workers together. `None` if there is none, which counts.
    #[must_use]
    pub fn begin(self: &Arc<Self>, most: u64) -> Option<OpenMirror> {
        let room = |open: u64| (open < most).then_some(open + 1);
        if self.open.fetch_update(Relaxed, Relaxed, room).is_err() {
            self.count(MirrorEnd::NoRoom);
            return None;
        }
        Some(OpenMirror { counts: Arc::clone(self), end: Cell::new(None) })
    }

    fn count(&self, end: MirrorEnd) {
        self.ended[end as usize].fetch_add(1, Relaxed);
    }

    /// Requests on their way at this moment, those whose bodies are still coming included.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Requests that have ended, by what became of them.
    pub fn ended(&self) -> impl Iterator<Item = (MirrorEnd, u64)> {
        MirrorEnd::ALL.into_iter().zip(read(&self.ended))
    }
}

/// The place of a mirrored request among those that are on their way. Dropped, it is free again.
#[derive(Debug)]
pub struct OpenMirror {
    counts: Arc<MirrorCounts>,
    end: Cell<Option<MirrorEnd>>,
}

impl OpenMirror {
    /// Counts as this, unless it comes to another end. Without any it doesn't count.
    pub fn end(&self, end: MirrorEnd) {
        self.end.set(Some(end));
    }
}

impl Drop for OpenMirror {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Relaxed);
        if let Some(end) = self.end.get() {
            self.counts.count(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(counts: &MirrorCounts) -> Vec<(MirrorEnd, u64)> {
        counts.ended().filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn places_are_few_and_come_free_again() {
        let counts = Arc::<MirrorCounts>::default();
        let first = counts.begin(2).expect("a place");
        let second = counts.begin(2).expect("a place");
        assert!(counts.begin(2).is_none());
        assert_eq!((counts.open(), ended(&counts)), (2, vec![(MirrorEnd::NoRoom, 1)]));
        first.end(MirrorEnd::CutOff);
        first.end(MirrorEnd::Answered);
        drop(first);
        drop(second);
        assert_eq!(counts.open(), 0);
        assert_eq!(ended(&counts), [(MirrorEnd::Answered, 1), (MirrorEnd::NoRoom, 1)]);
        assert!(counts.begin(1).is_some());
    }

    #[test]
    fn each_end_has_its_place() {
        for (place, end) in MirrorEnd::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, place, "{}", end.name());
        }
    }
}
