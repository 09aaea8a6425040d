//! Counts down the faults that a version on probation may still have.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Bits of the number of faults; the rest is the publication that they are counted for.
const BITS: u32 = 16;
const LEFT: u64 = (1 << BITS) - 1;

/// The faults that the publication on probation may still have before it is taken back; none is counted without probation.
///
/// Both are in one number, so that an instance of an earlier publication, which a worker hasn't given up yet, can't be
/// counted against the one that is on probation.
#[derive(Debug, Default)]
pub(crate) struct FaultAllowance(AtomicU64);

impl FaultAllowance {
    /// Begins: the publication has this many faults left, 65,535 at most.
    pub(crate) fn begin(&self, publication: u64, faults: u32) {
        self.0.store(publication << BITS | u64::from(faults).min(LEFT), Relaxed);
    }

    /// Ends: nothing is counted any more.
    pub(crate) fn end(&self) {
        self.0.store(0, Relaxed);
    }

    /// Counts a fault of a publication. Returns true for the one that exhausts the allowance, and for no other.
    pub(crate) fn fault(&self, publication: u64) -> bool {
        let counted = self.0.fetch_update(Relaxed, Relaxed, |allowance| {
            (allowance >> BITS == publication && allowance & LEFT > 0).then(|| allowance - 1)
        });
        counted.is_ok_and(|before| before & LEFT == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fault_is_reported_once() {
        let allowance = FaultAllowance::default();
        assert!(!allowance.fault(1) && !allowance.fault(0), "nothing is on probation");
        allowance.begin(7, 3);
        let exhausted: Vec<bool> = (0..6).map(|_| allowance.fault(7)).collect();
        assert_eq!(exhausted, [false, false, true, false, false, false]);
    }

    #[test]
    fn other_publications_do_not_count() {
        let allowance = FaultAllowance::default();
        allowance.begin(2, 1);
        assert!(!allowance.fault(1) && !allowance.fault(3));
        assert!(allowance.fault(2));
        allowance.begin(3, 1);
        allowance.end();
        assert!(!allowance.fault(3));
    }

    #[test]
    fn no_faults_allowed_is_no_trial() {
        let allowance = FaultAllowance::default();
        allowance.begin(1, 0);
        assert!(!allowance.fault(1));
        allowance.begin(1, u32::MAX);
        assert!(!allowance.fault(1), "the number doesn't spill over");
        assert!(!allowance.fault(2));
    }
}
