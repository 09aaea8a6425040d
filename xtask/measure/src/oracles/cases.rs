//! All that is simulated.

mod disturbed;
mod keys;
mod waiting;

use super::case::{
    APERTURE, CHANCE, COMPUTED, Case, EWMA, EXACT, EXPONENTIAL, Expected, Figure, LEAST, THREE, TURNS, TWO,
    by_load, load, mean, spec,
};

/// Cases that come out otherwise, by a part of their names, and what is known of it.
pub(super) const KNOWN: [(&str, &str); 9] = [
    (
        "two choices of 100, ρ = 0.95",
        "with ten times as many requests 3.452 ± 0.012; the expected one comes from few of them",
    ),
    ("times ago, the least of all", "least-conn takes turns among equals, where the expected one draws"),
    (
        "disturbed backends, 100 proxies, the least of all",
        "least-conn takes turns among equals; another computation found 2,234 and 3,925 with turns, 1,660 and 2,905 with draws",
    ),
    ("proxies, the least of all", "least-conn takes turns among equals, where the expected one draws"),
    (
        "8 proxies, slices",
        "the expected one is of slices that don't tile 100 backends; these do, by parts of the backends at their ends",
    ),
    ("32 proxies, slices", "the same: another computation with parts of backends found 3.543"),
    (
        "above 1.25 times its share",
        "another computation of the same rules found 77; from ring to ring it has a deviation of 3.4, by where the hottest keys fall",
    ),
    (
        "above 1.5 times its share",
        "another computation of the same rules found 87; from ring to ring it has a deviation of 3.7, by where the hottest keys fall",
    ),
    ("4 proxies, turns", "not reproduced; it lies between those of 2 and 8 proxies, as it should"),
];

pub(super) fn all() -> Vec<Case> {
    let mut cases = one_backend();
    cases.extend(by_load(
        "the shortest of two queues",
        EXACT,
        LEAST,
        2,
        1_000,
        0.01,
        &[(0.5, 1.426), (0.7, 2.108), (0.8, 2.956), (0.9, 5.475)],
    ));
    cases.extend(two_choices());
    cases.extend(by_load(
        "the shortest of 10 queues",
        COMPUTED,
        LEAST,
        10,
        200,
        0.01,
        &[(0.5, 1.024), (0.7, 1.159), (0.8, 1.354), (0.9, 1.913)],
    ));
    cases.extend(by_load(
        "the shortest of 50 queues",
        COMPUTED,
        LEAST,
        50,
        40,
        0.01,
        &[(0.5, 1.000), (0.7, 1.004), (0.8, 1.032), (0.9, 1.173)],
    ));
    cases.push(turns());
    cases.extend(old_counts());
    cases.extend(several_proxies());
    cases.extend(published());
    cases.extend(waiting::all());
    cases.extend(keys::all());
    cases.extend(disturbed::all());
    cases
}

/// M/M/1, M/D/1, and M/G/1 whose requests share the backend.
fn one_backend() -> Vec<Case> {
    let case = |name: &str, model: &str, service: &str, value: f64| {
        let spec = spec(
            ("2000s", 5, ""),
            TURNS,
            &format!("model = \"{model}\""),
            &format!("utilization = 0.8\nservice = {service}"),
        );
        Case { name: format!("one backend, {name}"), source: EXACT, spec, figures: vec![mean(value, 0.02)] }
    };
    let heavy = "{ lognormal = { median = \"500us\", p99 = \"7763us\" } }";
    vec![
        case("exponential work in turn: 1/(1-ρ)", "fifo", EXPONENTIAL, 5.0),
        case("equal work in turn: 1 + ρ/(2(1-ρ))", "fifo", "{ fixed = \"1ms\" }", 3.0),
        case("equal work shared: 1/(1-ρ)", "shared", "{ fixed = \"1ms\" }", 5.0),
        case("heavy-tailed work shared: 1/(1-ρ)", "shared", heavy, 5.0 * lognormal_mean()),
    ]
}

/// Mean of the log-normal work above, ms: its median times e^(σ²/2), with σ = ln(p99/median)/z(99 %).
fn lognormal_mean() -> f64 {
    let sigma = (7.763_f64 / 0.5).ln() / 2.326_347_874;
    0.5 * (sigma * sigma / 2.0).exp()
}

fn two_choices() -> Vec<Case> {
    let ten = [(0.5, 1.286), (0.7, 1.676), (0.9, 2.980), (0.95, 4.347)];
    let hundred = [(0.5, 1.269), (0.7, 1.623), (0.9, 2.659), (0.95, 3.490)];
    let thousand = [(0.5, 1.266), (0.7, 1.614), (0.9, 2.616), (0.95, 3.387)];
    let three = [(0.5, 1.1252), (0.7, 1.3568), (0.9, 2.0279), (0.95, 2.5351)];
    let mut cases = by_load("two choices of 10", COMPUTED, TWO, 10, 200, 0.015, &ten);
    cases.extend(by_load("two choices of 100", COMPUTED, TWO, 100, 20, 0.01, &hundred));
    cases.extend(by_load("two choices of 1,000", COMPUTED, TWO, 1_000, 6, 0.01, &thousand));
    cases.extend(by_load(
        "three choices of 1,000",
        "mean field: Σ ρ^((3^i-3)/2) (Mitzenmacher 2001)",
        THREE,
        1_000,
        6,
        0.01,
        &three,
    ));
    let figures = (1..=5).map(|least| Expected {
        what: Figure::Occupied(least),
        value: 0.9_f64.powi((1 << least) - 1),
        tolerance: 0.005,
    });
    cases.push(Case {
        name: "two choices of 1,000, ρ = 0.9: share of backends with 1 to 5 requests or more".to_owned(),
        source: "mean field: ρ^(2^i-1) (Mitzenmacher 1996)",
        spec: spec(("6s", 3, ""), TWO, "count = 1000", &load(0.9)),
        figures: figures.collect(),
    });
    cases
}

/// Turns give each backend every 10th request of a Poisson stream: Erlang-10 arrivals at one server.
fn turns() -> Case {
    Case {
        name: "turns among 10, ρ = 0.9: a queue with Erlang arrivals".to_owned(),
        source: "E10/M/1: 1/(1-σ), where σ = (ρ·10/(ρ·10 + 1 - σ))^10",
        spec: spec(("200s", 5, ""), TURNS, "count = 10", &load(0.9)),
        figures: vec![mean(erlang_arrivals(0.9, 10.0), 0.02)],
    }
}

fn erlang_arrivals(load: f64, stages: f64) -> f64 {
    let mut sigma = 0.5;
    for _ in 0..10_000 {
        sigma = (stages * load / (stages * load + 1.0 - sigma)).powf(stages);
    }
    1.0 / (1.0 - sigma)
}

fn old_counts() -> Vec<Case> {
    let ages = [1, 5, 10, 20, 50];
    let policies = [
        ("two choices", TWO, [2.97, 4.00, 5.08, 7.04, 12.4]),
        ("three choices", THREE, [2.60, 4.33, 6.26, 9.93, 20.8]),
        ("the least of all", LEAST, [4.05, 12.1, 23.6, 60.0, 600.0]),
        ("chance", CHANCE, [10.0; 5]),
    ];
    let mut cases = Vec::new();
    for (name, policy, means) in policies {
        for (age, value) in ages.into_iter().zip(means) {
            let spec =
                spec(("20s", 3, &format!("counts_every = \"{age}ms\"")), policy, "count = 100", &load(0.9));
            let name = format!("counts of {age} times ago, {name} of 100, ρ = 0.9");
            cases.push(Case { name, source: COMPUTED, spec, figures: vec![mean(value, 0.05)] });
        }
    }
    cases
}

fn several_proxies() -> Vec<Case> {
    let numbers = [1, 2, 4, 8, 32, 100];
    let policies = [
        ("two choices", TWO, [2.65, 2.96, 3.40, 4.01, 5.56, 7.08]),
        ("the least of all", LEAST, [1.06, 1.66, 2.48, 3.45, 5.62, 7.31]),
        ("turns", TURNS, [5.29, 5.35, 5.62, 5.64, 6.37, 7.36]),
        ("slices", APERTURE, [2.65, 2.67, 2.74, 3.70, 3.66, 4.50]),
    ];
    let mut cases = Vec::new();
    for (name, policy, means) in policies {
        for (proxies, value) in numbers.into_iter().zip(means) {
            let spec = spec(("10s", 3, &format!("proxies = {proxies}")), policy, "count = 100", &load(0.9));
            let name = format!("{proxies} proxies, {name} of 100, ρ = 0.9");
            cases.push(Case { name, source: COMPUTED, spec, figures: vec![mean(value, 0.03)] });
        }
    }
    cases
}

/// What others have published.
fn published() -> Vec<Case> {
    let linkerd = |name: &str, policy, within, tolerance, requests: Option<f64>| {
        let backends =
            "count = 11\nmodel = \"delay\"\nservice = { normal = { mean = \"167ms\", deviation = \"5ms\" } }";
        let event =
            "[[event]]\nat = \"15s\"\nuntil = \"45s\"\nbackends = [\"b1\"]\nservice = { fixed = \"2s\" }";
        let run = ("60s", 20, "warmup = \"0s\"\nwithin = [\"1s\"]");
        let healthy = 30_000.0 / 11.0;
        // What it gets while it is slow, beside its share of the 30,000 requests before and after.
        let share = requests.map(|requests| Expected {
            what: Figure::ShareOfFirst,
            value: (requests + healthy) / 60_000.0,
            tolerance: 0.1 * (requests + healthy) / 60_000.0,
        });
        let within = Expected { what: Figure::Within, value: within, tolerance };
        Case {
            name: format!("one slow backend of eleven, {name}"),
            source: "Linkerd 2016: 95, 99, 99.9 % within a second; digits computed",
            spec: spec(run, policy, backends, &format!("rate = 1000\n{event}")),
            figures: std::iter::once(within).chain(share).collect(),
        }
    };
    let fails = |name: &str, policy, value, tolerance| Case {
        name: format!("one of ten fails at once, {name}"),
        source: COMPUTED,
        spec: spec(
            ("60s", 5, "warmup = \"15s\""),
            policy,
            "count = 10\nmodel = \"delay\"\nservice = { fixed = \"10ms\" }",
            "rate = 8000\n[[event]]\nat = \"1s\"\nbackends = [\"b1\"]\nstatus = 500",
        ),
        figures: vec![Expected { what: Figure::ShareOfFirst, value, tolerance }],
    };
    vec![
        linkerd("turns", TURNS, 95.456, 0.04, Some(2_724.0)),
        linkerd("the least of all", LEAST, 99.537, 0.01, Some(278.0)),
        // It has less than its share for a while afterwards, too.
        linkerd("peak-ewma", EWMA, 99.922, 0.004, None),
        fails("turns", TURNS, 0.1, 0.01),
        fails("two choices, where failures count as requests", TWO, 0.0, 0.003),
        fails("the least of all, where failures count as requests", LEAST, 0.0, 0.003),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_have_known_values() {
        // M/M/1 is the case of one stage; with many, arrivals are even: D/M/1.
        assert!((erlang_arrivals(0.9, 1.0) - 10.0).abs() < 1e-6);
        assert!((erlang_arrivals(0.9, 1e6) - 5.1787).abs() < 1e-3, "{}", erlang_arrivals(0.9, 1e6));
        assert!((lognormal_mean() - 1.0).abs() < 0.01, "{}", lognormal_mean());
    }

    #[test]
    fn each_case_has_a_name_of_its_own() {
        let mut names: Vec<String> = all().into_iter().map(|case| case.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
