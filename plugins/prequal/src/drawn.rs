//! What was drawn for a request, and for the one before it.

use policy_parts::{Load, MOST_DRAWS};
use std::mem;

/// A backend that was drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) index: usize,
    /// Requests in flight, and failures that count as such.
    pub(crate) waiting: u64,
    /// Thousandths.
    pub(crate) weight: u32,
}

impl Drawn {
    fn load(&self) -> Load {
        Load::new(self.waiting, self.weight)
    }
}

/// Different backends, in the order of their load, and at equal loads in that in which they were drawn.
#[derive(Clone, Copy, Debug, Default)]
struct Draw {
    drawn: [Drawn; MOST_DRAWS],
    count: usize,
}

impl Draw {
    fn add(&mut self, drawn: Drawn) {
        let Some(last) = self.drawn.get_mut(self.count) else { return };
        *last = drawn;
        self.count += 1;
        let mut rest = &mut self.drawn[..self.count];
        while let [.., before, last] = rest {
            if before.load() <= last.load() {
                break;
            }
            mem::swap(before, last);
            let shorter = rest.len() - 1;
            rest = &mut rest[..shorter];
        }
    }

    fn all(&self) -> &[Drawn] {
        &self.drawn[..self.count]
    }
}

/// The loads that were seen of late: those of the last two draws, of which the latter is the choice.
///
/// Of many more the quantile would be behind: while the others are a little above it, there may be nothing cold but one that is left alone for its
/// slowness, which then gets as much as if nobody knew. With the last 64 loads in place of 16, Linkerd's experiment had 99.6 % of its requests within a
/// second, and not 99.9.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    now: Draw,
    before: Draw,
}

impl Seen {
    /// What was drawn last belongs to the past.
    pub(crate) fn draw_again(&mut self) {
        self.before = self.now;
        self.now.count = 0;
    }

    /// Something is drawn.
    pub(crate) fn add(&mut self, drawn: Drawn) {
        self.now.add(drawn);
    }

    /// What is drawn, the least loaded first.
    pub(crate) fn drawn(&self) -> &[Drawn] {
        self.now.all()
    }

    /// How many of what is drawn are cold, which are the first of them: those that are no more loaded than this quantile, percent, of all loads that
    /// were seen. That is the smallest load that so many of them don't exceed; at 0 the least.
    pub(crate) fn cold(&self, quantile: usize) -> usize {
        let (now, mut before) = (self.now.all(), self.before.all());
        let (seen, mut less) = (now.len() + before.len(), 0);
        let rank = (seen * quantile).div_ceil(100).max(1);
        for (place, drawn) in now.iter().enumerate() {
            while let [first, rest @ ..] = before
                && first.load() < drawn.load()
            {
                (before, less) = (rest, less + 1);
            }
            // Of equals all are cold or none.
            let is_more = place == 0 || now[place - 1].load() < drawn.load();
            if is_more && place + less >= rank {
                return place;
            }
        }
        now.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: &[(u64, u32)], now: &[(u64, u32)]) -> Seen {
        let mut seen = Seen::default();
        for draw in [before, now] {
            seen.draw_again();
            for (index, (waiting, weight)) in draw.iter().enumerate() {
                seen.add(Drawn { index, waiting: *waiting, weight: *weight });
            }
        }
        seen
    }

    #[test]
    fn what_is_drawn_is_in_the_order_of_its_load_and_then_of_the_draw() {
        let seen = seen(&[(0, 1); 16], &[(3, 1), (1, 1), (9, 4), (2, 2), (0, 1), (1, 1)]);
        let indexes: Vec<usize> = seen.drawn().iter().map(|drawn| drawn.index).collect();
        assert_eq!(indexes, [4, 1, 3, 5, 2, 0]);
    }

    /// Against the definition: sorted, and counted.
    #[test]
    fn cold_is_what_is_not_beyond_the_quantile_of_both_draws() {
        let mut state = 7_u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for round in 0..2_000 {
            let mut draw = |least| -> Vec<(u64, u32)> {
                (0..least + below(17 - least)).map(|_| (below(6), 1 + below(2) as u32)).collect()
            };
            let (before, now) = (draw(0), draw(1));
            // Halves: of a weight of 2 each counts for half.
            let halves = |(waiting, weight): &(u64, u32)| 2 * waiting / u64::from(*weight);
            let mut all: Vec<u64> = before.iter().chain(&now).map(halves).collect();
            all.sort_unstable();
            for quantile in [0, 1, 20, 30, 50, 84, 99, 100] {
                let so_many = |bound: u64| all.iter().filter(|load| **load <= bound).count();
                let bound = all.iter().find(|bound| 100 * so_many(**bound) >= quantile * all.len());
                let cold = now.iter().filter(|drawn| halves(drawn) <= *bound.expect("one is drawn")).count();
                assert_eq!(
                    seen(&before, &now).cold(quantile),
                    cold,
                    "round {round}, {quantile} %: {before:?} {now:?}"
                );
            }
        }
    }

    #[test]
    fn where_nothing_is_drawn_nothing_is_cold() {
        assert_eq!(Seen::default().cold(30), 0);
        assert_eq!(seen(&[(1, 1)], &[]).cold(100), 0);
    }
}
