//! How loaded a backend is for its weight.

use std::cmp::Ordering;

/// A load by weight, as a fraction that is compared by cross-multiplication and never divided.
///
/// Loads are the same if their ratio is: `Load::new(2, 2_000) == Load::new(1, 1_000)`. A weight of 0 counts as 1.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    load: u64,
    weight: u64,
}

impl Load {
    /// Products of loads up to 2³² and weights of 32 bits fit.
    #[inline]
    #[must_use]
    pub fn new(load: u64, weight: u32) -> Self {
        Self { load: load.min(1 << 32), weight: u64::from(weight.max(1)) }
    }
}

impl Ord for Load {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // 2³² · (2³² − 1) is less than 2⁶⁴.
        (self.load * other.weight).cmp(&(other.load * self.weight))
    }
}

impl PartialOrd for Load {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Load {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Load {}

/// The least loaded of what was offered; of equals, the first.
#[derive(Debug, Default)]
pub struct Least(Option<(usize, Load)>);

impl Least {
    /// Offers a backend.
    pub fn offer(&mut self, index: usize, load: Load) {
        if self.is_less(load) {
            self.0 = Some((index, load));
        }
    }

    /// Whether an offer of this load would be taken.
    #[must_use]
    pub fn is_less(&self, load: Load) -> bool {
        self.0.is_none_or(|(_, least)| load < least)
    }

    /// Its index.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.0.map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_compared_by_weight_up_to_the_greatest() {
        assert!(Load::new(1, 1_000) < Load::new(3, 2_000));
        assert!(Load::new(2, 2_000) == Load::new(1, 1_000));
        assert!(Load::new(u64::MAX, u32::MAX) < Load::new(u64::MAX, u32::MAX - 1));
        assert!(Load::new(u64::MAX, 0) > Load::new(u64::MAX, 2));
        assert!(Load::new(0, 0) == Load::new(0, u32::MAX));
    }
}
