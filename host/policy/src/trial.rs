//! How many faults a version on probation has left.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Bits of the number of faults; the rest is the publication that they are counted for.
const BITS: u32 = 16;
const LEFT: u64 = (1 << BITS) - 1;

/// The faults that a publication has left before it is taken back; none is counted while none is on probation.
///
/// Both are in one number, so that an instance of an earlier publication, which a worker hasn't given up yet, can't be
/// counted against the one that is on probation.
#[derive(Debug, Default)]
pub(super) struct Trial(AtomicU64);

impl Trial {
    /// Begins: the publication has so many faults left, 65,535 at most.
    pub(super) fn begin(&self, generation: u64, faults: u32) {
        self.0.store(generation << BITS | u64::from(faults).min(LEFT), Relaxed);
    }

    /// Ends: nothing is counted any more.
    pub(super) fn end(&self) {
        self.0.store(0, Relaxed);
    }

    /// A fault of a publication. True for the one that was too much, and for no other.
    pub(super) fn fault(&self, generation: u64) -> bool {
        let counted = self.0.fetch_update(Relaxed, Relaxed, |trial| {
            (trial >> BITS == generation && trial & LEFT > 0).then(|| trial - 1)
        });
        counted.is_ok_and(|before| before & LEFT == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fault_is_told_once() {
        let trial = Trial::default();
        assert!(!trial.fault(1) && !trial.fault(0), "nothing is on probation");
        trial.begin(7, 3);
        let told: Vec<bool> = (0..6).map(|_| trial.fault(7)).collect();
        assert_eq!(told, [false, false, true, false, false, false]);
    }

    #[test]
    fn other_publications_do_not_count() {
        let trial = Trial::default();
        trial.begin(2, 1);
        assert!(!trial.fault(1) && !trial.fault(3));
        assert!(trial.fault(2));
        trial.begin(3, 1);
        trial.end();
        assert!(!trial.fault(3));
    }

    #[test]
    fn no_faults_allowed_is_no_trial() {
        let trial = Trial::default();
        trial.begin(1, 0);
        assert!(!trial.fault(1));
        trial.begin(1, u32::MAX);
        assert!(!trial.fault(1), "the number doesn't spill over");
        assert!(!trial.fault(2));
    }
}
