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
    let all = weights.into_iter().zip(flags).enumerate();
    let mut eligible: Vec<(usize, u32)> =
        all.filter(|(_, (_, flags))| flags.eligible()).map(|(index, (weight, _))| (index, weight)).collect();
    if eligible.iter().any(|(_, weight)| *weight > 0) {
        eligible.retain(|(_, weight)| *weight > 0);
    } else {
        eligible.iter_mut().for_each(|(_, weight)| *weight = WEIGHT_UNIT);
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
