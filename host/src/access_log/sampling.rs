//! Which requests have a line.

/// Takes a share of the requests, at random.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Of 2³², so many are taken.
    threshold: u64,
    state: u64,
}

impl Sampler {
    /// Takes this share, from 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 2^32 that is at least 0 and at most 1"
    )]
    pub(super) fn new(share: f64, seed: u64) -> Self {
        let threshold = (share.clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64;
        // A state of 0 would stay one.
        Self { threshold, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// Whether this request is taken.
    pub(super) fn takes(&mut self) -> bool {
        if self.threshold == 1 << 32 {
            return true;
        }
        // xorshift64*: a period of 2^64 - 1, and high bits that pass for random.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32 < self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_was_asked_for_is_taken() {
        for (share, expected) in
            [(0.0, 0..=0), (0.1, 9_500..=10_500), (0.5, 49_000..=51_000), (1.0, 100_000..=100_000)]
        {
            for seed in 0..4 {
                let mut sampler = Sampler::new(share, seed);
                let taken = (0..100_000).filter(|_| sampler.takes()).count();
                assert!(expected.contains(&taken), "{share} {seed}: {taken}");
            }
        }
    }
}
