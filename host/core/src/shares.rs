//! Shares by weight.

use siphasher::sip::SipHasher13;

/// A whole that is divided by weights.
///
/// Each share is a stretch of the numbers of 64 bits, in the order of the weights. Where a weight grows at the cost of the next one, what was in
/// that share stays in it: those who were let in first aren't sent back as a trial widens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// Sums of the weights so far.
    ends: Box<[u64]>,
}

impl Shares {
    /// Shares of these weights; `None` if they all are 0, or there is none.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut sum = 0_u64;
        let ends = weights.into_iter().map(|weight| {
            sum += u64::from(weight);
            sum
        });
        let ends: Box<[u64]> = ends.collect();
        (sum > 0).then_some(Self { ends })
    }

    /// The share that a number is in.
    #[must_use]
    pub fn at(&self, number: u64) -> usize {
        let total = self.ends.last().copied().unwrap_or_default();
        let place = (u128::from(number) * u128::from(total)) >> 64;
        self.ends.partition_point(|&end| u128::from(end) <= place)
    }

    /// The share of a content: always the same, in every process. SipHash-1-3 with keys of 0.
    #[must_use]
    pub fn of(&self, content: &[u8]) -> usize {
        self.at(SipHasher13::new_with_keys(0, 0).hash(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_large_as_their_weights() {
        let shares = Shares::new([1, 0, 3]).expect("shares");
        let quarter = 1 << 62;
        for (number, share) in [(0, 0), (quarter - 1, 0), (quarter, 2), (u64::MAX, 2)] {
            assert_eq!(shares.at(number), share, "{number}");
        }
        assert_eq!(Shares::new([0, 0]), None);
        assert_eq!(Shares::new([]), None);
    }

    #[test]
    fn contents_spread_and_stay_as_a_share_grows() {
        let (before, after) =
            (Shares::new([10, 90]).expect("shares"), Shares::new([30, 70]).expect("shares"));
        let mut counts = [0, 0];
        for number in 0..10_000_u32 {
            let content = number.to_be_bytes();
            let (was, is) = (before.of(&content), after.of(&content));
            counts[was] += 1;
            assert!(was == is || (was, is) == (1, 0), "nobody leaves the share that grows");
        }
        assert!((900..1_100).contains(&counts[0]), "{counts:?}");
    }
}
