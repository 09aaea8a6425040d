//! What the runs of a policy show together.

use hdrhistogram::Histogram;
use pointsman_policy::VersionId;
use serde::Serialize;

use super::PolicyResult;
use super::tally::{Counts, LlmResult, RunResult, SwapResult};
use crate::spec::{Spec, Swap};

/// The results of a simulation, as `--json` prints them.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The spec's title.
    pub title: String,
    /// The seed of the first run.
    pub seed: u64,
    /// Runs of each policy.
    pub seeds: u32,
    /// The times of `within`, µs.
    pub within_us: Vec<u64>,
    /// The names of the backends.
    pub backends: Vec<String>,
    /// The swaps of the spec.
    pub swaps: Vec<SwapSummary>,
    /// What each policy has shown.
    pub policies: Vec<PolicySummary>,
}

/// A swap of the spec.
#[derive(Debug, Clone, Serialize)]
pub struct SwapSummary {
    /// When, µs.
    pub at_us: u64,
    /// The SHA-256 of the plugin.
    pub sha256: String,
    /// Where it came from.
    pub origin: String,
    /// What the policy is called that it came in the place of; none = each.
    pub policy: Option<String>,
    /// What came of it with each policy, over all runs and proxies.
    pub results: Vec<SwapResult>,
}

/// What one policy has shown.
#[derive(Debug, Clone, Serialize)]
pub struct PolicySummary {
    /// What it is called.
    pub policy: String,
    /// The SHA-256 of its plugin.
    pub sha256: String,
    /// Time of a served request, from its arrival to its end; `null` if none was.
    pub time_us: Option<Times>,
    /// Of each time in `within`, the share of the requests that were served in it.
    pub within: Vec<Estimate>,
    /// Counts over all runs.
    pub counts: Counts,
    /// What it did with the backends.
    #[serde(flatten)]
    pub backends: BackendsSummary,
    /// What a pick costs.
    pub cost: Cost,
    /// Of each run: two runs in which the same happened have the same.
    pub digests: Vec<String>,
}

/// What one policy has shown of the backends.
#[derive(Debug, Clone, Serialize)]
pub struct BackendsSummary {
    /// Share of the picks that led to each backend, over all runs.
    pub shares: Vec<f64>,
    /// Most requests that each backend had at a time, in any run.
    pub most_in_flight: Vec<usize>,
    /// Of each number of requests from 0, the share of the time in which a backend had at least as many.
    pub occupied: Vec<f64>,
    /// Share of the requests that were served where most of their key's were; `null` if requests have no keys.
    pub affinity: Option<Estimate>,
    /// What model servers have shown; `null` if there are none.
    pub llm: Option<LlmSummary>,
}

/// What model servers have shown.
#[derive(Debug, Clone, Serialize)]
pub struct LlmSummary {
    /// From the arrival of a request until its prompt was read, and the answer began; `null` if none was.
    pub first_token_us: Option<Times>,
    /// Share of the prompts' tokens that had not to be read, as the server had kept them.
    pub kept: Estimate,
}

/// What a policy costs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    /// Instructions of a pick, in fuel.
    pub fuel_per_pick: f64,
    /// Memory of its instance at the end, bytes.
    pub memory_bytes: usize,
}

/// A mean over the runs, and how far it is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean of the runs' means.
    pub mean: f64,
    /// The true one is within this of it, with 95 % certainty; `null` with one run, which says nothing of that.
    pub plus_minus: Option<f64>,
}

/// Times, µs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// The mean.
    pub mean: Estimate,
    /// Half took no longer.
    pub p50: Estimate,
    /// 90 % took no longer.
    pub p90: Estimate,
    /// 99 % took no longer.
    pub p99: Estimate,
    /// 99.9 % took no longer.
    pub p999: Estimate,
}

/// Quantiles 97.5 % of Student's distribution with 1, 2, … degrees of freedom; with more, that of the normal distribution.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

impl Estimate {
    /// The mean of these, each of another run.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let plus_minus = (values.len() > 1).then(|| {
            let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            let student = STUDENT.get(values.len() - 2).copied().unwrap_or(1.96);
            student * (squares / (count - 1.0) / count).sqrt()
        });
        Self { mean, plus_minus }
    }
}

impl Summary {
    /// Sums up the results of a spec.
    #[must_use]
    pub fn of(spec: &Spec, results: &[PolicyResult]) -> Self {
        let runs = spec.run.get_ref();
        Self {
            title: spec.title.clone(),
            seed: runs.seed,
            seeds: runs.seeds,
            within_us: runs.within.iter().map(|span| span.0).collect(),
            backends: spec.members().map(|(name, _)| name).collect(),
            swaps: swaps(spec, results),
            policies: results.iter().map(PolicySummary::of).collect(),
        }
    }
}

/// The swaps of a spec, with what came of each with each policy.
fn swaps(spec: &Spec, results: &[PolicyResult]) -> Vec<SwapSummary> {
    let all: Vec<Vec<SwapResult>> =
        results.iter().map(|result| columns(&result.runs, |run| &run.swaps, SwapResult::plus)).collect();
    let summary = |(number, swap): (usize, &Swap)| {
        let plugin = swap.plugin.as_ref()?;
        Some(SwapSummary {
            at_us: swap.at.0,
            sha256: VersionId::of(&plugin.content).to_hex(),
            origin: plugin.origin.to_string(),
            policy: swap.policy.clone(),
            results: all.iter().filter_map(|swaps| swaps.get(number).copied()).collect(),
        })
    };
    spec.swaps.iter().map(|swap| swap.get_ref()).enumerate().filter_map(summary).collect()
}

impl PolicySummary {
    fn of(result: &PolicyResult) -> Self {
        let runs = &result.runs;
        let estimate =
            |value: &dyn Fn(&RunResult) -> f64| Estimate::of(&runs.iter().map(value).collect::<Vec<_>>());
        let within = runs.first().map_or(0, |run| run.within.len());
        Self {
            policy: result.name.clone(),
            sha256: result.version.clone(),
            time_us: Times::of(runs.iter().map(|run| (run.mean, &run.times))),
            within: (0..within).map(|place| estimate(&|run| run.within[place])).collect(),
            counts: runs.iter().fold(Counts::default(), |sum, run| sum.plus(&run.counts)),
            backends: BackendsSummary::of(runs),
            cost: Cost {
                fuel_per_pick: estimate(&|run| run.fuel_per_pick).mean,
                memory_bytes: runs.iter().map(|run| run.memory).max().unwrap_or(0),
            },
            digests: runs.iter().map(|run| format!("{:016x}", run.digest)).collect(),
        }
    }
}

impl BackendsSummary {
    fn of(runs: &[RunResult]) -> Self {
        let sent = columns(runs, |run| &run.backends.sent, |a, b| a + b);
        let all = sent.iter().sum::<u64>().max(1) as f64;
        let affinities: Vec<f64> = runs.iter().filter_map(|run| run.backends.affinity).collect();
        Self {
            shares: sent.iter().map(|sent| *sent as f64 / all).collect(),
            most_in_flight: columns(runs, |run| &run.backends.most, usize::max),
            occupied: mean_columns(runs.iter().map(|run| &run.backends.occupied)),
            affinity: (!affinities.is_empty()).then(|| Estimate::of(&affinities)),
            llm: LlmSummary::of(&runs.iter().filter_map(|run| run.backends.llm.as_ref()).collect::<Vec<_>>()),
        }
    }
}

impl LlmSummary {
    fn of(runs: &[&LlmResult]) -> Option<Self> {
        (!runs.is_empty()).then(|| Self {
            first_token_us: Times::of(runs.iter().map(|run| (run.mean, &run.first_tokens))),
            kept: Estimate::of(&runs.iter().map(|run| run.kept).collect::<Vec<_>>()),
        })
    }
}

impl Times {
    /// Of runs with this mean and these times each.
    fn of<'a>(runs: impl Iterator<Item = (f64, &'a Histogram<u64>)> + Clone) -> Option<Self> {
        if runs.clone().all(|(_, times)| times.is_empty()) {
            return None;
        }
        let quantile = |share: f64| {
            let values: Vec<f64> =
                runs.clone().map(|(_, times)| times.value_at_quantile(share) as f64).collect();
            Estimate::of(&values)
        };
        Some(Self {
            mean: Estimate::of(&runs.clone().map(|(mean, _)| mean).collect::<Vec<_>>()),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
        })
    }
}

/// What the runs have for each backend, together.
fn columns<T: Copy>(
    runs: &[RunResult],
    of: impl Fn(&RunResult) -> &Vec<T>,
    add: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut all: Vec<T> = runs.first().map(|run| of(run).clone()).unwrap_or_default();
    for run in runs.iter().skip(1) {
        for (sum, value) in all.iter_mut().zip(of(run)) {
            *sum = add(*sum, *value);
        }
    }
    all
}

fn mean_columns<'a>(runs: impl Iterator<Item = &'a Vec<f64>> + Clone) -> Vec<f64> {
    let (count, longest) = (runs.clone().count().max(1), runs.clone().map(Vec::len).max().unwrap_or(0));
    let at = |place: usize| runs.clone().filter_map(|run| run.get(place)).sum::<f64>() / count as f64;
    (0..longest).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn a_mean_is_trusted_as_far_as_runs_agree() {
        let one = Estimate::of(&[7.0]);
        assert_eq!((one.mean, one.plus_minus), (7.0, None));
        // The standard deviation is 1, so the mean of three is off by 1/√3 · t(2).
        let three = Estimate::of(&[1.0, 2.0, 3.0]);
        assert!(
            (three.mean - 2.0).abs() < 1e-9 && (three.plus_minus.unwrap() - 2.4843).abs() < 1e-3,
            "{three:?}"
        );
        let many = Estimate::of(&[1.0, 3.0].repeat(50));
        assert!((many.plus_minus.unwrap() - 0.197).abs() < 1e-3, "{many:?}");
    }
}
