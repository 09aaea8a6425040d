//! Requests that wait: at their proxy, or at backends that serve several at a time.

use super::super::case::{COMPUTED, Case, EXACT, LEAST, TURNS, TWO, load, mean, spec};

pub(super) fn all() -> Vec<Case> {
    let mut cases = one_queue();
    cases.extend(slots());
    cases
}

/// Backends that take one request each, behind one queue: M/M/c, whatever the policy.
fn one_queue() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, policy, backends, seconds) in
        [("two choices", TWO, 16, 100), ("turns", TURNS, 16, 100), ("two choices", TWO, 32, 50)]
    {
        for (rho, tolerance) in [(0.7, 0.01), (0.8, 0.01), (0.9, 0.01), (0.95, 0.02)] {
            let run = "queue = { length = 100000, timeout = \"1h\" }";
            let backend = format!("count = {backends}\nmax_requests = 1");
            cases.push(Case {
                name: format!("{backends} backends behind a queue, {name}, ρ = {rho}"),
                source: EXACT,
                spec: spec((&format!("{seconds}s"), 5, run), policy, &backend, &load(rho)),
                figures: vec![mean(erlang_c(backends, rho), tolerance)],
            });
        }
    }
    cases
}

/// Eight backends that serve four requests at a time, and have those wait that were sent there.
fn slots() -> Vec<Case> {
    let policies = [
        ("two choices", TWO, [1.039, 1.105, 1.320, 1.683]),
        ("the least of all", LEAST, [1.009, 1.037, 1.167, 1.454]),
        ("turns", TURNS, [1.131, 1.338, 1.982, 3.322]),
    ];
    let mut cases = Vec::new();
    for (name, policy, means) in policies {
        for (rho, value) in [0.7, 0.8, 0.9, 0.95].into_iter().zip(means) {
            cases.push(Case {
                name: format!("8 backends of 4 servers, {name}, ρ = {rho}"),
                source: COMPUTED,
                spec: spec(("60s", 5, ""), policy, "count = 8\nservers = 4", &load(rho)),
                figures: vec![mean(value, 0.02)],
            });
        }
    }
    cases
}

/// Mean time in a queue with so many servers: 1 + C/(c(1-ρ)), where C is the share of those that wait.
fn erlang_c(servers: u32, rho: f64) -> f64 {
    let load = f64::from(servers) * rho;
    // That of those that are lost where nobody waits (Erlang B), one server after the other.
    let blocked = (1..=servers).fold(1.0, |blocked, server| {
        let offered = load * blocked;
        offered / (f64::from(server) + offered)
    });
    let waiting = blocked / (1.0 - rho * (1.0 - blocked));
    1.0 + waiting / (f64::from(servers) * (1.0 - rho))
}

#[cfg(test)]
mod tests {
    use super::erlang_c;

    #[test]
    fn formulas_have_known_values() {
        assert!((erlang_c(1, 0.9) - 10.0).abs() < 1e-9, "M/M/1");
        for (servers, means) in
            [(16, [1.0270, 1.0953, 1.3696, 1.9752]), (32, [1.0040, 1.0251, 1.1432, 1.4348])]
        {
            for (rho, mean) in [0.7, 0.8, 0.9, 0.95].into_iter().zip(means) {
                let found = erlang_c(servers, rho);
                assert!((found - mean).abs() < 1e-4, "{servers} at {rho}: {found}");
            }
        }
    }
}
