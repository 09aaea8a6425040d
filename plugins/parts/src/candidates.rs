//! What may be drawn, and the draws: distinct, and in proportion to the weights.

use std::mem;

use pointsman_sdk::{Backends, Request, Stat, random, random_below};

use crate::alias::Alias;
use crate::eligible::eligible;
use crate::failures::recent_failures;
use crate::load::{Least, Load};

/// Most backends that one draw takes.
pub const MOST_DRAWS: usize = 16;

/// How often a weighted draw may fall on what has been drawn already, before a draw that can't takes its place.
const ROUNDS: usize = 16;

/// Backends to draw from, with a weight each.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Index and weight of each.
    members: Vec<(usize, u32)>,
    /// None where all weights are the same.
    alias: Option<Alias>,
}

impl Candidates {
    /// All eligible backends, by their effective weight. Make them anew when the topology changes.
    #[must_use]
    pub fn eligible(backends: &Backends) -> Self {
        Self::new(&eligible(backends))
    }

    /// These backends and weights. Those without a weight are left out, unless none has one: then all are the same.
    #[must_use]
    pub fn new(backends: &[(usize, u32)]) -> Self {
        let all_are_same = backends.iter().all(|(_, weight)| *weight == 0);
        let mut members = Vec::new();
        for (index, weight) in backends {
            if *weight > 0 || all_are_same {
                members.push((*index, (*weight).max(1)));
            }
        }
        let alias = Alias::new(&members);
        Self { members, alias }
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sum of the weights.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.members.iter().map(|(_, weight)| u64::from(*weight)).sum()
    }

    /// Each backend's index and weight.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u32)> {
        self.members.iter().copied()
    }

    /// Hands out up to `draws` different ones, of [`MOST_DRAWS`] at most: index and weight of each, in the order in which they are drawn.
    /// The first is drawn by weight, and each of the others by weight from those that are left.
    pub fn draw(&self, draws: usize, mut take: impl FnMut(usize, u32)) {
        // Places, in ascending order.
        let mut drawn = [0; MOST_DRAWS];
        for count in 0..draws.min(MOST_DRAWS).min(self.len()) {
            let place = self.another(drawn.get(..count).unwrap_or_default());
            let mut moved = place;
            for other in drawn.iter_mut().take(count) {
                if *other > moved {
                    mem::swap(other, &mut moved);
                }
            }
            drawn[count] = moved;
            let (index, weight) = self.members[place];
            take(index, weight);
        }
    }

    /// A place that isn't among these, which are in ascending order and not all.
    fn another(&self, drawn: &[usize]) -> usize {
        if let Some(alias) = &self.alias {
            for _ in 0..ROUNDS {
                let place = alias.draw(random());
                if !drawn.contains(&place) {
                    return place;
                }
            }
        }
        // One of the places that are left, counted without those drawn: each of these that isn't behind it moves it by one.
        let left = random_below(self.len() - drawn.len());
        drawn.iter().fold(left, |place, drawn| place + usize::from(*drawn <= place))
    }

    /// Of `draws` different ones, the least loaded that the request may use; at equal loads the one drawn first, which is chance.
    ///
    /// The load is what is in flight and what has failed of late, by weight. Where the request has tried all that were drawn, it is
    /// the least loaded of those that it hasn't.
    #[must_use]
    pub fn least_loaded_of(&self, draws: usize, request: &Request, backends: &Backends) -> Option<usize> {
        let mut best = Least::default();
        self.draw(draws, |index, weight| offer(&mut best, (index, weight), request, backends));
        self.or_any_other(&best, request, backends)
    }

    /// The same of two, for policies that do nothing else: in most pools, whose weights are the same, it takes a third of the instructions.
    #[inline]
    #[must_use]
    pub fn less_loaded_of_two(&self, request: &Request, backends: &Backends) -> Option<usize> {
        if self.alias.is_some() || self.len() < 2 {
            return self.least_loaded_of(2, request, backends);
        }
        let (one, other) = two_of(self.len());
        let drawn = [self.members[one], self.members[other]];
        let [one, other] = drawn.map(|(index, _)| (backends.stat(Stat::InFlight, index), index));
        let (_, less) = if other.0 < one.0 { other } else { one };
        // What has failed only adds to a load. So it is asked of one alone, each question costing as much as the rest of a draw.
        if !request.tried(less) && recent_failures(backends, less) == 0 {
            return Some(less);
        }
        let mut best = Least::default();
        drawn.into_iter().for_each(|member| offer(&mut best, member, request, backends));
        self.or_any_other(&best, request, backends)
    }

    /// The best of those that were drawn; the least loaded of all where the request has tried these.
    fn or_any_other(&self, best: &Least, request: &Request, backends: &Backends) -> Option<usize> {
        best.index().or_else(|| {
            let mut best = Least::default();
            self.iter().for_each(|member| offer(&mut best, member, request, backends));
            best.index()
        })
    }
}

/// Offers a backend of this index and weight, unless the request has tried it.
fn offer(best: &mut Least, (index, weight): (usize, u32), request: &Request, backends: &Backends) {
    let in_flight = backends.stat(Stat::InFlight, index);
    if best.is_less(Load::new(in_flight, weight)) && !request.tried(index) {
        let failed = recent_failures(backends, index);
        best.offer(index, Load::new(in_flight.saturating_add(failed), weight));
    }
}

/// Draws two places of so many, which are at least two, of one random number.
#[inline]
fn two_of(count: usize) -> (usize, usize) {
    let both = random();
    let (first, second) = (scaled(both >> 32, count), scaled(both & u64::from(u32::MAX), count - 1));
    (first, second + usize::from(first <= second))
}

/// A number below the bound, of as many as 2³²: the high half of a product is spread as evenly as the random number, and needs no division.
#[inline]
fn scaled(random: u64, bound: usize) -> usize {
    ((random * bound as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_sdk::testing::{TestHost, TestRequest};

    /// How often each place is the first, and how often among the first `draws`, of 20,000 draws.
    fn tally(weights: &[u32], draws: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let backends: Vec<(usize, u32)> = weights.iter().copied().enumerate().collect();
        let candidates = Candidates::new(&backends);
        let (mut first, mut among) = (vec![0.0; weights.len()], vec![0.0; weights.len()]);
        TestHost::new().seed(seed).run(|_| {
            for _ in 0..20_000 {
                let mut drawn = Vec::new();
                candidates.draw(draws, |index, weight| {
                    assert_eq!(weight, weights[index]);
                    assert!(!drawn.contains(&index), "seed {seed}: {index} twice of {weights:?}");
                    drawn.push(index);
                });
                let some = weights.iter().filter(|weight| **weight > 0).count();
                assert_eq!(drawn.len(), draws.min(some), "seed {seed}: {weights:?}");
                first[drawn[0]] += 1.0 / 20_000.0;
                drawn.iter().for_each(|index| among[*index] += 1.0 / 20_000.0);
            }
        });
        (first, among)
    }

    #[test]
    fn draws_are_distinct_and_by_weight() {
        for seed in 1..=5 {
            for draws in 1..=5 {
                let (first, among) = tally(&[1_000; 7], draws, seed);
                assert!(
                    first.iter().all(|share| (share - 1.0 / 7.0).abs() < 0.015),
                    "seed {seed}: {first:?}"
                );
                let each = draws as f64 / 7.0;
                assert!(among.iter().all(|share| (share - each).abs() < 0.02), "seed {seed}: {among:?}");
                let (first, among) = tally(&[3_000, 1_000, 0, 2_000], draws, seed);
                assert!(first[2] == 0.0 && among[2] == 0.0, "seed {seed}");
                for (index, share) in [(0, 0.5), (1, 1.0 / 6.0), (3, 1.0 / 3.0)] {
                    assert!((first[index] - share).abs() < 0.015, "seed {seed}: {first:?}");
                }
            }
        }
    }

    #[test]
    fn the_second_of_weighted_draws_is_by_weight_of_those_left() {
        // 3, 2, 1: P(last is among two) = 1/6 + 3/6·1/3 + 2/6·1/4.
        let (_, among) = tally(&[3_000, 2_000, 1_000], 2, 9);
        assert!((among[2] - (1.0 / 6.0 + 1.0 / 6.0 + 1.0 / 12.0)).abs() < 0.015, "{among:?}");
    }

    #[test]
    fn one_that_hides_the_others_is_drawn_once() {
        let (first, among) = tally(&[u32::MAX, 1, 1], 3, 4);
        assert!(first[0] > 0.999 && among.iter().all(|share| *share > 0.999), "{among:?}");
    }

    #[test]
    fn without_any_weight_all_are_the_same() {
        let candidates = Candidates::new(&[(3, 0), (4, 0), (5, 0)]);
        assert_eq!((candidates.len(), candidates.weight(), candidates.is_empty()), (3, 3, false));
        TestHost::new().run(|_| Candidates::default().draw(2, |_, _| unreachable!("there is none")));
    }

    #[test]
    fn of_two_the_less_loaded_is_the_same_by_either_way() {
        for case in 0..4 * 4 * 2 * 2 * 4 {
            let host = TestHost::of(2);
            let mut request = TestRequest::new();
            let loads = [case % 4, case / 4 % 4];
            let failed = [case / 16 % 2, case / 32 % 2];
            let tried = [case / 64 % 2, case / 128];
            for (name, index) in [("b0", 0), ("b1", 1)] {
                host.at(name).stat(Stat::InFlight, loads[index]).stat(Stat::Failures, failed[index]);
                host.at(name).stat(Stat::MsSinceFailure, if failed[index] == 1 { 5 } else { u64::MAX });
                request = if tried[index] == 1 { request.tried(name) } else { request };
            }
            let picked = |special: bool| {
                host.ask(&request, |request, backends| {
                    let candidates = Candidates::eligible(backends);
                    match special {
                        true => candidates.less_loaded_of_two(request, backends),
                        false => candidates.least_loaded_of(2, request, backends),
                    }
                })
            };
            let (special, general) = (picked(true), picked(false));
            let sum = |index: usize| loads[index] + failed[index];
            let tie = special.zip(general).is_some_and(|(one, other)| sum(one) == sum(other));
            assert!(special == general || tie, "{loads:?} {failed:?} {tried:?}: {special:?} {general:?}");
        }
    }

    #[test]
    fn two_are_drawn_alike_and_never_one_twice() {
        const COUNT: usize = 7;
        let mut drawn = [[0; COUNT]; COUNT];
        TestHost::new().seed(3).run(|_| {
            for _ in 0..84_000 {
                let (one, other) = two_of(COUNT);
                drawn[one][other] += 1;
            }
        });
        for (one, row) in drawn.iter().enumerate() {
            assert_eq!(row[one], 0);
            // 2,000 of each pair; five times the deviation.
            assert!(
                (0..COUNT).filter(|other| *other != one).all(|other| (1_776..=2_224).contains(&row[other])),
                "{row:?}"
            );
        }
    }

    #[test]
    fn the_last_that_was_not_tried_is_found() {
        let host = TestHost::of(50);
        let mut request = TestRequest::new();
        for index in 0..49 {
            request = request.tried(&format!("b{index}"));
        }
        let pick = |request: &TestRequest| {
            host.ask(request, |request, backends| {
                let candidates = Candidates::eligible(backends);
                let found = candidates.less_loaded_of_two(request, backends);
                assert_eq!(found, candidates.least_loaded_of(2, request, backends));
                found
            })
        };
        assert_eq!(pick(&request), Some(49));
        assert_eq!(pick(&request.tried("b49")), None);
    }
}
