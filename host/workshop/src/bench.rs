//! What a pick costs, with few backends and with many.

use std::time::{Duration, Instant};

use pointsman_core::backend::Backend;
use pointsman_core::request::RequestHead;
use pointsman_policy::{Plugin, PolicySettings, Simulation, SimulationError, Testbed};
use serde::Serialize;

/// Numbers of backends that are tried.
pub const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// Picks that are timed or counted together.
const BATCH: u32 = 256;

/// Batches of which the fastest counts: what is slower was interrupted.
const BATCHES: u32 = 40;

/// Longest time for one number of backends.
const LONGEST: Duration = Duration::from_secs(2);

/// CPU time of a call: what takes long is to be measured, not refused. `init` and `topology` read 10,000 backends here.
const DEADLINE: Duration = Duration::from_secs(1);

/// What a pick costs with so many backends.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    /// How many.
    pub backends: usize,
    /// Time of a pick in the fastest of many batches, ns.
    pub ns: f64,
    /// Instructions of a pick, in fuel: the same on every machine.
    pub fuel: f64,
    /// Functions of the host that a pick calls.
    pub host_calls: f64,
    /// Calls in which the policy failed: if there are any, the other figures say little.
    pub failed: u64,
    /// Memory of the instance, bytes.
    pub memory: usize,
}

/// Measures a plugin with this configuration (JSON) and each number of backends, all of them idle.
///
/// # Errors
///
/// If there is no engine, or the plugin can't serve.
pub fn measure(plugin: &Plugin, config: &str) -> Result<Vec<Cost>, SimulationError> {
    let (timed, counted) = (Testbed::timed()?, Testbed::new()?);
    let start = |testbed: &Testbed, count| {
        let settings =
            PolicySettings { config: config.into(), deadline: DEADLINE, ..PolicySettings::default() };
        testbed.another().proxy(plugin.clone(), backends(count), settings, 1)
    };
    COUNTS
        .into_iter()
        .map(|count| {
            let mut simulation = start(&timed, count)?;
            let ns = nanoseconds(&mut simulation);
            let failed = simulation.slot().stats().all_faults();
            let mut simulation = start(&counted, count)?;
            let (fuel, host_calls) = counts(&mut simulation);
            let failed = failed + simulation.slot().stats().all_faults();
            Ok(Cost { backends: count, ns, fuel, host_calls, failed, memory: simulation.memory_bytes() })
        })
        .collect()
}

fn backends(count: usize) -> Vec<Backend> {
    (1..=count).map(|number| Backend::new(format!("b{number}"), ([192, 0, 2, 1], 80))).collect()
}

fn nanoseconds(simulation: &mut Simulation) -> f64 {
    let (mut head, began) = (RequestHead::default(), Instant::now());
    let mut least = f64::INFINITY;
    for _ in 0..BATCHES {
        let batch = Instant::now();
        for _ in 0..BATCH {
            let _ = std::hint::black_box(simulation.pick_only(&mut head));
        }
        least = least.min(batch.elapsed().as_nanos() as f64 / f64::from(BATCH));
        if began.elapsed() > LONGEST {
            break;
        }
        simulation.wake();
    }
    least
}

/// Fuel and host calls of a pick.
fn counts(simulation: &mut Simulation) -> (f64, f64) {
    let mut head = RequestHead::default();
    let (mut fuel, mut host_calls) = (0, 0);
    for _ in 0..BATCH {
        let _ = simulation.pick(&mut head);
        let cost = simulation.last_call();
        fuel += cost.fuel;
        host_calls += cost.host_calls;
    }
    (fuel as f64 / f64::from(BATCH), host_calls as f64 / f64::from(BATCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_grows_with_what_a_policy_looks_at() {
        let of = |name: &str| measure(&Plugin::bundled(name).unwrap(), "{}").unwrap();
        let (scan, turn) = (of("least-conn"), of("round-robin"));
        assert!(scan[3].fuel > 20.0 * scan[1].fuel, "{scan:?}");
        assert!(turn[3].fuel < 3.0 * turn[1].fuel, "{turn:?}");
        assert!(scan.iter().chain(&turn).all(|cost| cost.ns > 0.0 && cost.memory > 0), "{scan:?} {turn:?}");
        // The column of flags and that of numbers, however many backends there are.
        assert!(scan[1].host_calls == scan[4].host_calls && scan[1].host_calls >= 1.0, "{scan:?}");
    }
}
