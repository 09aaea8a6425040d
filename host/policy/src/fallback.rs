//! The native policy that serves when a plugin can't: two random choices, least in flight for its weight.

use std::cmp::Ordering;

use pointsman_core::backend::BackendIndex;
use pointsman_core::pool::Capacity;
use pointsman_core::topology::Topology;
use pointsman_core::tried::Tried;

use crate::rng::Rng;

/// Draws for each of the two choices before the backends are looked through one by one.
const DRAWS: usize = 8;

/// Picks an eligible backend that the request hasn't tried; `None` if there is none.
#[must_use]
pub(super) fn pick(topology: &Topology, tried: &Tried, rng: &mut Rng) -> Option<BackendIndex> {
    pick_of(topology, rng, |index| topology.is_eligible(*index) && !tried.contains(*index))
}

/// Picks a backup that is fit and that the request hasn't tried, after all others.
#[must_use]
pub(super) fn pick_backup(topology: &Topology, tried: &Tried, rng: &mut Rng) -> Option<BackendIndex> {
    pick_of(topology, rng, |index| topology.is_fit_backup(*index) && !tried.contains(*index))
}

/// Picks an eligible backend that the request hasn't tried, among those that aren't full.
#[must_use]
pub(super) fn pick_with_room(
    topology: &Topology,
    tried: &Tried,
    capacity: Capacity,
    rng: &mut Rng,
) -> Option<BackendIndex> {
    let has_room = |index: &BackendIndex| {
        let limit = capacity.of(topology.limits_at(index.get()));
        topology.stats().get(index.get()).is_some_and(|stats| stats.in_flight() < limit)
    };
    pick_of(topology, rng, |index| topology.is_eligible(*index) && !tried.contains(*index) && has_room(index))
}

fn pick_of(
    topology: &Topology,
    rng: &mut Rng,
    usable: impl Fn(&BackendIndex) -> bool,
) -> Option<BackendIndex> {
    let usable = &usable;
    let one = choose(topology, rng, usable)?;
    let Some(other) = choose(topology, rng, |index| *index != one && usable(index)) else { return Some(one) };
    Some(if prefers(topology, other, one, rng) { other } else { one })
}

/// A random usable backend. Where few are usable, those after unusable ones are chosen more often.
fn choose(
    topology: &Topology,
    rng: &mut Rng,
    usable: impl Fn(&BackendIndex) -> bool,
) -> Option<BackendIndex> {
    let count = topology.backends().len();
    let index = |place: usize| BackendIndex(place as u32);
    let drawn = (0..DRAWS).map(|_| index(rng.below(count))).find(&usable);
    drawn.or_else(|| {
        let start = rng.below(count);
        (start..count).chain(0..start).map(index).find(&usable)
    })
}

/// Whether `a` has fewer requests in flight for its weight than `b`. Between equals chance decides in proportion to the
/// weights, so that an idle pool gives light backends their share too.
fn prefers(topology: &Topology, a: BackendIndex, b: BackendIndex, rng: &mut Rng) -> bool {
    let load =
        |index: BackendIndex| topology.stats().get(index.get()).map_or(u64::MAX, |stats| stats.in_flight());
    let weight = |index: BackendIndex| topology.weights().get(index.get()).copied().unwrap_or(0).max(1);
    let (heavy_a, heavy_b) = (u128::from(weight(a)), u128::from(weight(b)));
    match (u128::from(load(a)) * heavy_b).cmp(&(u128::from(load(b)) * heavy_a)) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => rng.below((heavy_a + heavy_b) as usize) < heavy_a as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::topology;
    use pointsman_core::backend::{Backend, BackendLimits, TopologyGeneration};
    use pointsman_core::pool::UpstreamLimits;
    use std::sync::Arc;

    fn picks(topology: &Topology, tried: &Tried) -> Vec<usize> {
        let mut rng = Rng::seeded(1);
        let mut counts = vec![0; topology.backends().len()];
        for _ in 0..1000 {
            if let Some(index) = pick(topology, tried, &mut rng) {
                counts[index.get()] += 1;
            }
        }
        counts
    }

    #[test]
    fn idle_backends_share_by_weight() {
        // Weights 1 to 4.
        let counts = picks(&topology(1, &["a", "b", "c", "d"]), &Tried::default());
        assert!(counts.is_sorted() && counts[0] > 80 && counts[3] < 450, "{counts:?}");
    }

    #[test]
    fn the_busier_of_two_is_left_alone() {
        let topology = topology(1, &["a", "b"]);
        topology.stats()[0].begin();
        assert_eq!(picks(&topology, &Tried::default()), [0, 1000]);
    }

    #[test]
    fn ineligible_and_tried_backends_get_nothing() {
        let mut tried = Tried::default();
        tried.insert(BackendIndex(2));
        let counts = picks(&topology(1, &["a", "-b", "c", "d"]), &tried);
        assert_eq!((counts[1], counts[2]), (0, 0));
        assert!(counts[0] > 120 && counts[3] > 600, "{counts:?}");
    }

    /// So many requests for each backend.
    fn requests(max_requests: u64) -> Capacity {
        UpstreamLimits { max_requests, ..UpstreamLimits::default() }.capacity()
    }

    #[test]
    fn a_backend_is_full_by_its_own_limit() {
        let backend = |max_requests| {
            let limits = BackendLimits { max_requests, ..BackendLimits::default() };
            let backend = Backend { limits, ..Backend::new("b", ([127, 0, 0, 1], 1)) };
            backend.stats.begin();
            backend.stats.begin();
            Arc::new(backend)
        };
        let topology = Topology::new(TopologyGeneration(1), [Some(2), None, Some(3)].map(backend).into());
        let mut rng = Rng::seeded(1);
        let mut pick = |limit| pick_with_room(&topology, &Tried::default(), requests(limit), &mut rng);
        for _ in 0..100 {
            assert_eq!(pick(2), Some(BackendIndex(2)));
            assert!(pick(3).is_some_and(|index| index != BackendIndex(0)));
        }
    }

    #[test]
    fn full_backends_get_nothing() {
        let topology = topology(1, &["a", "b", "c"]);
        let mut rng = Rng::seeded(1);
        for place in [0, 2] {
            topology.stats()[place].begin();
            topology.stats()[place].begin();
        }
        topology.stats()[1].begin();
        let mut pick = |limit| pick_with_room(&topology, &Tried::default(), requests(limit), &mut rng);
        for _ in 0..100 {
            assert_eq!(pick(2), Some(BackendIndex(1)));
            assert!(pick(3).is_some());
            assert_eq!(pick(1), None);
        }
    }

    #[test]
    fn the_only_usable_one_of_a_thousand_is_found() {
        let names: Vec<String> =
            (0..1000).map(|i| format!("{}{i}", if i == 777 { "" } else { "-" })).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(picks(&topology(1, &names), &Tried::default())[777], 1000);
    }

    #[test]
    fn nothing_usable_is_no_pick() {
        assert_eq!(pick(&topology(1, &[]), &Tried::default(), &mut Rng::seeded(1)), None);
        assert_eq!(pick(&topology(1, &["-a"]), &Tried::default(), &mut Rng::seeded(1)), None);
    }
}
