//! Whether every backend gets its share.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use crate::chart::Chart;
use crate::simulate::{PolicyResult, RunResult};

/// Weights of the backends in the second half of it; each works as fast as its weight says.
const WEIGHTS: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0];

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    const WHAT: &str = "shares";
    let duration = lab.span(60.0);
    let load = "[load]\nutilization = 0.7";
    let equal = format!("[run]\nduration = \"{duration}\"\n[[backends]]\ncount = 10\n{load}");
    let groups = "[[backends]]\ncount = 4\n[[backends]]\nname = \"c\"\ncount = 3\nweight = 2.0\nspeed = 2.0\n\
        [[backends]]\nname = \"d\"\ncount = 3\nweight = 4.0\nspeed = 4.0";
    let weighted = format!("[run]\nduration = \"{duration}\"\n{groups}\n{load}");
    let equal = lab.simulate_with_sequence(WHAT, &equal)?;
    let weighted = lab.simulate_with_sequence(WHAT, &weighted)?;

    let ones = [1.0; WEIGHTS.len()];
    let mut table = Table::new(&[
        "policy",
        "Jain, equal",
        "Jain, weights",
        "most / mean requests",
        "most / mean in flight",
        "longest gap",
    ]);
    for (equal, weighted) in equal.iter().zip(&weighted) {
        let (even, heavy) = (loads(equal, &ones), loads(weighted, &WEIGHTS));
        table.add([
            equal.name.clone(),
            format!("{:.4}", jain(&even)),
            format!("{:.4}", jain(&heavy)),
            format!("{:.2}", most_to_mean(&even)),
            format!("{:.2}", most_to_mean(&most_in_flight(equal))),
            format!("{:.1}", longest_gap(equal, &ones).max(longest_gap(weighted, &WEIGHTS))),
        ]);
    }
    let (even, heavy) = (jain(&loads(&equal[0], &ones)), jain(&loads(&weighted[0], &WEIGHTS)));
    let gap = longest_gap(&equal[0], &ones).max(longest_gap(&weighted[0], &WEIGHTS));
    let index = |id, what, found: f64| Line {
        id,
        what,
        verdict: Verdict::at_least(found, 0.95, 0.8),
        found: format!("{found:.4}"),
        value: Some(found),
        wanted: "Jain's index at least 0.95".to_owned(),
    };
    Ok(Section {
        title: "Shares",
        about: "Ten backends at 70 % of what they can serve, every request of another client. Jain's index is 1 if all have their share by weight, and \
                1/n if one has all. The longest gap is the longest row of picks that left a backend out, in units of what its share makes of it."
            .to_owned(),
        lines: vec![
            index("fair-shares", "equal backends get equal shares", even),
            index("fair-weights", "backends get shares by their weights", heavy),
            starvation(gap),
        ],
        table,
        chart: Some(chart(&equal, &ones)),
    })
}

fn starvation(gap: f64) -> Line {
    Line {
        id: "starvation",
        what: "no backend is left out for long",
        verdict: Verdict::at_most(gap, 30.0, 100.0),
        found: format!("{gap:.1} times its fair gap"),
        value: Some(gap),
        wanted: "at most 30 times".to_owned(),
    }
}

fn chart(results: &[PolicyResult], weights: &[f64]) -> Chart {
    let groups = (1..=weights.len()).map(|number| format!("b{number}")).collect();
    let series = results.iter().map(|result| {
        let loads = loads(result, weights);
        let mean = loads.iter().sum::<f64>() / loads.len() as f64;
        (result.name.clone(), loads.into_iter().map(|load| load / mean).collect())
    });
    Chart::bars(
        "Requests of each of ten equal backends, as a multiple of its share",
        groups,
        series.collect(),
    )
}

/// Requests of each backend by weight, over all runs.
fn loads(result: &PolicyResult, weights: &[f64]) -> Vec<f64> {
    let sent = |place: usize| result.runs.iter().map(|run| run.backends.sent[place]).sum::<u64>() as f64;
    weights.iter().enumerate().map(|(place, weight)| sent(place) / weight).collect()
}

fn most_in_flight(result: &PolicyResult) -> Vec<f64> {
    let most = |place: usize| result.runs.iter().map(|run| run.backends.most[place]).max().unwrap_or(0);
    let backends = result.runs.first().map_or(0, |run| run.backends.most.len());
    (0..backends).map(|place| most(place) as f64).collect()
}

fn jain(loads: &[f64]) -> f64 {
    let (sum, squares) =
        loads.iter().fold((0.0, 0.0), |(sum, squares), load| (sum + load, squares + load * load));
    if squares == 0.0 { 0.0 } else { sum * sum / (loads.len() as f64 * squares) }
}

fn most_to_mean(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(0.0, f64::max);
    most * values.len() as f64 / values.iter().sum::<f64>().max(f64::MIN_POSITIVE)
}

/// In any run.
fn longest_gap(result: &PolicyResult, weights: &[f64]) -> f64 {
    result.runs.iter().map(|run| longest_gap_of(run, weights)).fold(0.0, f64::max)
}

fn longest_gap_of(run: &RunResult, weights: &[f64]) -> f64 {
    let all: f64 = weights.iter().sum();
    let sequence = &run.backends.sequence;
    let mut last = vec![0; weights.len()];
    let mut longest = vec![0; weights.len()];
    for (place, (_, backend)) in sequence.iter().enumerate() {
        let backend = *backend as usize;
        longest[backend] = longest[backend].max(place - last[backend]);
        last[backend] = place;
    }
    let gaps = longest
        .iter()
        .zip(&last)
        .zip(weights)
        .map(|((longest, last), weight)| *longest.max(&(sequence.len() - last)) as f64 * weight / all);
    gaps.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_one_for_all_and_one_in_n_for_one() {
        assert!((jain(&[3.0; 7]) - 1.0).abs() < 1e-12);
        assert!((jain(&[5.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-12);
        assert_eq!(jain(&[0.0; 4]), 0.0);
    }
}
