//! Draws of one of a few by share, where each pick decides and each topology has others.

use pointsman_sdk::random_below;

/// Shares of few items. A draw looks at them one after the other.
#[derive(Debug, Default)]
pub struct Shares {
    /// Sum of each item's share and of those before it.
    bounds: Vec<u32>,
}

impl Shares {
    /// Shares in proportion to these parts, of which all together are less than 2³².
    #[must_use]
    pub fn new(mut parts: Vec<u32>) -> Self {
        let mut sum = 0_u32;
        for part in &mut parts {
            sum = sum.saturating_add(*part);
            *part = sum;
        }
        Self { bounds: parts }
    }

    /// One of them; none, if there is none with a share.
    #[must_use]
    pub fn draw(&self) -> Option<usize> {
        let drawn = random_below(*self.bounds.last()? as usize);
        self.bounds.iter().position(|bound| drawn < *bound as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_sdk::testing::TestHost;

    #[test]
    fn draws_follow_the_shares() {
        for seed in 1..=3 {
            let mut drawn = [0.0_f64; 4];
            TestHost::new().seed(seed).run(|_| {
                let shares = Shares::new(vec![0, 700, 0, 300]);
                for _ in 0..50_000 {
                    drawn[shares.draw().expect("some have a share")] += 1.0 / 50_000.0;
                }
            });
            assert!(drawn[0] == 0.0 && drawn[2] == 0.0, "seed {seed}: {drawn:?}");
            assert!(
                (drawn[1] - 0.7).abs() < 0.007 && (drawn[3] - 0.3).abs() < 0.007,
                "seed {seed}: {drawn:?}"
            );
        }
    }

    #[test]
    fn without_shares_there_is_no_draw() {
        TestHost::new().run(|_| {
            assert_eq!(Shares::default().draw(), None);
            assert_eq!(Shares::new(vec![0, 0]).draw(), None);
            assert_eq!(Shares::new(vec![0, 1]).draw(), Some(1));
        });
    }
}
