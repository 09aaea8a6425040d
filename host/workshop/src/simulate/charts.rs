//! Results as charts.

use hdrhistogram::Histogram;

use super::PolicyResult;
use super::summary::Summary;
use crate::chart::{Axis, Chart};

/// Backends whose shares fit into one chart.
const SHOWN: usize = 20;

/// Of how many requests one is slower: 1 of 2 to 1 of 10,000, in steps of equal ratios.
fn ranks() -> impl Iterator<Item = f64> {
    (3..=40).map(|step| libm::pow(10.0, f64::from(step) / 10.0))
}

impl Summary {
    /// The charts, each with the name that a file of it has.
    #[must_use]
    pub fn charts(&self, results: &[PolicyResult]) -> Vec<(&'static str, String)> {
        let times = slowest(
            "Time that one of so many requests exceeds",
            results.iter().map(|result| (result, result.runs.iter().map(|run| &run.times).collect())),
        );
        let mut charts = vec![("times.svg", times), ("requests.svg", self.requests())];
        if self.policies.iter().any(|policy| policy.backends.llm.is_some()) {
            let of = |result| (result, first_tokens(result));
            let first = slowest(
                "Time to the first token that one of so many requests exceeds",
                results.iter().map(of),
            );
            charts.push(("first-tokens.svg", first));
        }
        if self.backends.len() <= SHOWN {
            charts.push(("shares.svg", self.share_of_each()));
        }
        charts.into_iter().map(|(name, chart)| (name, chart.file(&self.title))).collect()
    }

    /// The tail of the queues.
    fn requests(&self) -> Chart {
        let series = self.policies.iter().map(|policy| {
            let shares = policy.backends.occupied.iter().enumerate().take_while(|(_, share)| **share >= 1e-5);
            (
                policy.policy.clone(),
                shares.map(|(requests, share)| (requests as f64, share * 100.0)).collect(),
            )
        });
        Chart::lines(
            "Share of the time in which a backend has at least so many requests",
            ("requests", Axis::Linear),
            ("% of the time", Axis::Logarithmic),
            series.collect(),
        )
    }

    fn share_of_each(&self) -> Chart {
        let percent = |shares: &[f64]| shares.iter().map(|share| share * 100.0).collect();
        let series =
            self.policies.iter().map(|policy| (policy.policy.clone(), percent(&policy.backends.shares)));
        Chart::bars("Share of the requests, %", self.backends.clone(), series.collect())
    }
}

fn first_tokens(result: &PolicyResult) -> Vec<&Histogram<u64>> {
    let llm = result.runs.iter().filter_map(|run| run.backends.llm.as_ref());
    llm.map(|llm| &llm.first_tokens).collect()
}

/// How slow the slowest are, by these times of each policy's runs: the further to the right, the rarer.
fn slowest<'a>(
    title: &str,
    results: impl Iterator<Item = (&'a PolicyResult, Vec<&'a Histogram<u64>>)>,
) -> Chart {
    let series = results.map(|(result, runs)| {
        let at = |rank: f64| {
            let times = runs.iter().map(|times| times.value_at_quantile(1.0 - 1.0 / rank) as f64);
            (rank, times.sum::<f64>() / runs.len().max(1) as f64 / 1_000.0)
        };
        (result.name.clone(), ranks().map(at).collect())
    });
    Chart::lines(title, ("one of so many", Axis::Logarithmic), ("ms", Axis::Logarithmic), series.collect())
}
