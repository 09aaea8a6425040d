//! What may be picked.

use pointsman_sdk::Backends;
use pointsman_sdk::abi::WEIGHT_UNIT;

/// Index and effective weight of each eligible backend, in the order of the topology. Those without a weight are left out, unless
/// none has one: then all weigh the same.
#[must_use]
pub fn eligible(backends: &Backends) -> Vec<(usize, u32)> {
    let (mut weights, mut flags) = (Vec::new(), Vec::new());
    backends.weights(&mut weights);
    backends.flags_column(&mut flags);
    let (mut eligible, mut any_has_weight) = (Vec::new(), false);
    for (index, (weight, flags)) in weights.into_iter().zip(flags).enumerate() {
        if flags.eligible() && weight > 0 && !any_has_weight {
            any_has_weight = true;
            eligible.clear();
        }
        if flags.eligible() && (weight > 0 || !any_has_weight) {
            eligible.push((index, if any_has_weight { weight } else { WEIGHT_UNIT }));
        }
    }
    eligible
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_sdk::testing::TestHost;

    #[test]
    fn what_has_no_weight_counts_only_where_nothing_has() {
        let host = TestHost::new().backend("a").weight(0).backend("b").weight(2).backend("c").weight(0);
        assert_eq!(host.run(eligible), [(1, 2_000)]);
        host.at("b").healthy(false);
        assert_eq!(host.run(eligible), [(0, 1_000), (2, 1_000)]);
        assert!(TestHost::new().run(eligible).is_empty());
    }
}
