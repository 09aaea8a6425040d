//! Requests that have keys.

use super::super::case::{COMPUTED, Case, EXPONENTIAL, Expected, Figure, Policy, spec};

/// Hashing with bounded loads: 200 requests at a time, of which no backend of ten has more than its share times the bound, and the keys
/// stay together as far as that allows. How far that is depends on where the few hottest of them fall on the ring, so there are many rings.
pub(super) fn all() -> Vec<Case> {
    let bounds: [(&str, Policy, usize, f64); 3] = [
        ("1.25", Policy("ring-hash", "balance = 125"), 25, 73.0),
        ("1.5", Policy("ring-hash", "balance = 150"), 30, 82.0),
        ("2", Policy("ring-hash", "balance = 200"), 40, 93.0),
    ];
    let case = |(bound, policy, most, affinity): (&str, Policy, usize, f64)| Case {
        name: format!(
            "200 requests with keys by Zipf's law, no backend of ten above {bound} times its share"
        ),
        source: COMPUTED,
        spec: spec(
            ("2s", 20, ""),
            policy,
            "count = 10\nmodel = \"delay\"",
            &format!("clients = 200\nservice = {EXPONENTIAL}\nkeys = {{ count = 10000, zipf = 1.1 }}"),
        ),
        figures: vec![
            // By the 200 that there are with the one that is placed.
            Expected { what: Figure::Occupied(most + 1), value: 0.0, tolerance: 0.0 },
            Expected { what: Figure::Affinity, value: affinity, tolerance: 3.0 },
        ],
    };
    bounds.into_iter().map(case).collect()
}
