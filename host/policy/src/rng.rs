//! Random numbers for choosing, seeded, so that a run can be replayed. Not for secrets.
//!
//! Implemented here, because the numbers of a seed must not change with a library's version: simulations and tests rely on
//! them.

/// A SplitMix64 generator: one addition and a mix per number, any seed is good.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator that always gives the same numbers for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A separate generator for a part of the program, which `name` and `number` identify.
    #[must_use]
    pub fn fork(seed: u64, name: &str, number: u64) -> Self {
        // FNV-1a over the name, so that two parts whose numbers agree still differ.
        let named = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut mixed = Self(seed ^ named);
        mixed.0 = mixed.draw() ^ number;
        Self(mixed.draw())
    }

    /// 64 random bits.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of a product is as even as the draw and needs no division.
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_forks_differ() {
        let draws = |mut rng: Rng| [rng.draw(), rng.draw(), rng.draw()];
        assert_eq!(draws(Rng::seeded(7)), draws(Rng::seeded(7)));
        assert_eq!(draws(Rng::fork(7, "api", 1)), draws(Rng::fork(7, "api", 1)));
        let distinct = [
            draws(Rng::fork(7, "api", 1)),
            draws(Rng::fork(7, "api", 2)),
            draws(Rng::fork(7, "web", 1)),
            draws(Rng::fork(8, "api", 1)),
        ];
        for (i, one) in distinct.iter().enumerate() {
            assert!(distinct[..i].iter().all(|other| other != one), "fork {i} repeats another");
        }
    }

    #[test]
    fn bounded_numbers_stay_below_and_reach_everything() {
        let mut rng = Rng::seeded(1);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[rng.below(5)] += 1;
        }
        assert!(seen.iter().all(|&count| (130..270).contains(&count)), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }
}
