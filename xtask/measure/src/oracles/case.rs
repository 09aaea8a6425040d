//! A simulation, and what must come of it.

/// Mean work of a request, µs: the unit of all mean times.
pub(super) const SERVICE_US: f64 = 1_000.0;

/// A simulation of one policy.
pub(super) struct Case {
    pub(super) name: String,
    /// Where the expected figures come from.
    pub(super) source: &'static str,
    pub(super) spec: String,
    pub(super) figures: Vec<Expected>,
}

/// A figure, and what it must be.
pub(super) struct Expected {
    pub(super) what: Figure,
    pub(super) value: f64,
    /// How far the found one may be from it.
    pub(super) tolerance: f64,
}

/// A figure of a result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figure {
    /// Mean time in the system, in units of the mean work.
    Mean,
    /// Share of the time in which a backend has at least so many requests.
    Occupied(usize),
    /// Share of the requests within the first time of the spec, %.
    Within,
    /// Share of the picks that led to the first backend.
    ShareOfFirst,
    /// Time that one of a hundred exceeds, ms.
    P99,
    /// Share of the requests that were served where most of their key's were, %.
    Affinity,
}

/// A policy and its configuration, as a spec has them.
#[derive(Clone, Copy)]
pub(super) struct Policy(pub(super) &'static str, pub(super) &'static str);

pub(super) const CHANCE: Policy = Policy("random", "choices = 1");
pub(super) const TWO: Policy = Policy("random", "choices = 2");
pub(super) const THREE: Policy = Policy("random", "choices = 3");
pub(super) const LEAST: Policy = Policy("least-conn", "");
pub(super) const TURNS: Policy = Policy("round-robin", "");
/// Its slices have 12 backends at least.
pub(super) const APERTURE: Policy =
    Policy("aperture", "[policy.config_by_proxy]\nproxy = \"index\"\nproxies = \"count\"");
pub(super) const EWMA: Policy = Policy("peak-ewma", "");

pub(super) const EXACT: &str = "exact";
pub(super) const COMPUTED: &str = "computed by a simulator of its own, in another language";

pub(super) const EXPONENTIAL: &str = "{ exponential = \"1ms\" }";

pub(super) fn by_load(
    name: &str,
    source: &'static str,
    policy: Policy,
    backends: u32,
    seconds: u32,
    tolerance: f64,
    means: &[(f64, f64)],
) -> Vec<Case> {
    let seeds = if backends <= 10 { 5 } else { 3 };
    let case = |(rho, value): &(f64, f64)| Case {
        name: format!("{name}, ρ = {rho}"),
        source,
        spec: spec((&format!("{seconds}s"), seeds, ""), policy, &format!("count = {backends}"), &load(*rho)),
        figures: vec![mean(*value, tolerance)],
    };
    means.iter().map(case).collect()
}

pub(super) fn load(rho: f64) -> String {
    format!("utilization = {rho:?}\nservice = {EXPONENTIAL}")
}

pub(super) fn mean(value: f64, tolerance: f64) -> Expected {
    Expected { what: Figure::Mean, value, tolerance: value * tolerance }
}

pub(super) fn spec(
    (duration, seeds, run): (&str, u32, &str),
    policy: Policy,
    backends: &str,
    load: &str,
) -> String {
    let Policy(bundled, config) = policy;
    format!(
        "[run]\nduration = \"{duration}\"\nseeds = {seeds}\n{run}\n[[policy]]\nbundled = \"{bundled}\"\n[policy.config]\n{config}\n\
         [[backends]]\n{backends}\n[load]\n{load}\n"
    )
}
