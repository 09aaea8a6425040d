//! What a pick costs, with few backends and with many.

use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use pointsman_core::backend::Backend;
use pointsman_core::record::ChosenBy;
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
    /// Share of the picks that the policy left to the fallback, as it had no opinion: the other figures are of that then.
    pub abstained: f64,
    /// Calls in which the policy failed: if there are any, the other figures say little.
    pub failed: u64,
    /// Memory of the instance, bytes.
    pub memory: usize,
}

/// Measures a plugin with this configuration (JSON) and each number of backends, all of them idle. Requests have this header field, if any.
///
/// # Errors
///
/// If there is no engine, or the plugin can't serve.
pub fn measure(
    plugin: &Plugin,
    config: &str,
    key: Option<&HeaderName>,
) -> Result<Vec<Cost>, SimulationError> {
    let (timed, counted) = (Testbed::timed()?, Testbed::new()?);
    let start = |testbed: &Testbed, count| {
        let settings =
            PolicySettings { config: config.into(), deadline: DEADLINE, ..PolicySettings::default() };
        testbed.another().proxy(plugin.clone(), backends(count), settings, 1)
    };
    let mut head = RequestHead::default();
    if let Some(name) = key {
        head.parts.headers.insert(name, HeaderValue::from(7));
    }
    COUNTS
        .into_iter()
        .map(|count| {
            let mut simulation = start(&timed, count)?;
            let ns = nanoseconds(&mut simulation, &mut head);
            let failed = simulation.slot().stats().all_faults();
            let mut simulation = start(&counted, count)?;
            let Counts { fuel, host_calls, abstained } = counts(&mut simulation, &mut head);
            let failed = failed + simulation.slot().stats().all_faults();
            Ok(Cost {
                backends: count,
                ns,
                fuel,
                host_calls,
                abstained,
                failed,
                memory: simulation.memory_bytes(),
            })
        })
        .collect()
}

fn backends(count: usize) -> Vec<Backend> {
    (1..=count).map(|number| Backend::new(format!("b{number}"), ([192, 0, 2, 1], 80))).collect()
}

fn nanoseconds(simulation: &mut Simulation, head: &mut RequestHead) -> f64 {
    let began = Instant::now();
    let mut least = f64::INFINITY;
    for _ in 0..BATCHES {
        let batch = Instant::now();
        for _ in 0..BATCH {
            let _ = std::hint::black_box(simulation.pick_only(head));
        }
        least = least.min(batch.elapsed().as_nanos() as f64 / f64::from(BATCH));
        if began.elapsed() > LONGEST {
            break;
        }
        simulation.wake();
    }
    least
}

/// What is counted of a pick.
struct Counts {
    fuel: f64,
    host_calls: f64,
    abstained: f64,
}

fn counts(simulation: &mut Simulation, head: &mut RequestHead) -> Counts {
    let (mut fuel, mut host_calls, mut abstained) = (0, 0, 0_u32);
    for _ in 0..BATCH {
        let picked = simulation.pick(head).map(|request| request.picked().chosen_by);
        abstained += u32::from(picked.is_ok_and(|by| by == ChosenBy::Abstention));
        let cost = simulation.last_call();
        fuel += cost.fuel;
        host_calls += cost.host_calls;
    }
    let each = |sum: f64| sum / f64::from(BATCH);
    Counts { fuel: each(fuel as f64), host_calls: each(host_calls as f64), abstained: each(abstained.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_grows_with_what_a_policy_looks_at() {
        let of = |name: &str| measure(&Plugin::bundled(name).unwrap(), "{}", None).unwrap();
        let (scan, turn) = (of("least-conn"), of("round-robin"));
        assert!(scan[3].fuel > 20.0 * scan[1].fuel, "{scan:?}");
        assert!(turn[3].fuel < 3.0 * turn[1].fuel, "{turn:?}");
        assert!(scan.iter().chain(&turn).all(|cost| cost.ns > 0.0 && cost.memory > 0), "{scan:?} {turn:?}");
        // The column of flags and that of numbers, however many backends there are.
        assert!(scan[1].host_calls == scan[4].host_calls && scan[1].host_calls >= 1.0, "{scan:?}");
    }

    #[test]
    fn picks_that_the_policy_does_not_make_are_told() {
        let (plugin, config) = (Plugin::bundled("ring-hash").unwrap(), r#"{"key":"header:x-user"}"#);
        let with = |key: Option<&HeaderName>| measure(&plugin, config, key).unwrap();
        assert!(with(None).iter().all(|cost| cost.abstained == 1.0));
        assert!(with(Some(&HeaderName::from_static("x-user"))).iter().all(|cost| cost.abstained == 0.0));
    }
}
