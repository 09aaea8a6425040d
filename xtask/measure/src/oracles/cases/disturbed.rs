//! Backends beside which something else runs.

use super::super::case::{Case, EWMA, Expected, Figure, LEAST, Policy, TURNS, TWO, spec};

/// The model of Prequal's test bed: 100 backends of four cores that are at half of their speed for 30 % of the time, 100 proxies. The order of the
/// policies is what counts; each figure comes from one run, whose slowest hundredth is a few bad moments.
pub(super) fn all() -> Vec<Case> {
    let policies: [(&str, Policy, [f64; 2]); 4] = [
        ("turns", TURNS, [1_924.0, 6_430.0]),
        ("peak-ewma", EWMA, [2_038.0, 4_616.0]),
        ("the least of all", LEAST, [1_520.0, 2_750.0]),
        ("two choices", TWO, [1_520.0, 2_750.0]),
    ];
    let mut cases = Vec::new();
    for (name, policy, times) in policies {
        for (rho, value) in [0.7, 0.9].into_iter().zip(times) {
            let backends = "count = 100\nmodel = \"shared\"\nservers = 4\nspeed = { disturbed = 0.5, share = 0.3, cycle = \"4s\" }";
            let service = "{ normal = { mean = \"100ms\", deviation = \"100ms\", least = \"0s\" } }";
            cases.push(Case {
                name: format!("100 disturbed backends, 100 proxies, {name}, ρ = {rho}"),
                source: "Prequal's test bed (NSDI 2024), computed by a simulator of its own",
                spec: spec(
                    ("120s", 3, "proxies = 100"),
                    policy,
                    backends,
                    &format!("utilization = {rho:?}\nservice = {service}"),
                ),
                figures: vec![Expected { what: Figure::P99, value, tolerance: value * 0.2 }],
            });
        }
    }
    cases
}
