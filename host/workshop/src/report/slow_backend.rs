//! A backend that becomes slow, and fast again.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use super::shares;
use crate::time_span::shown;

/// A third of the time it is as the others, a third slow, a third as before, µs.
const THIRD: u64 = 20_000_000;

/// Time between two figures of the chart, µs.
const STEP: u64 = 250_000;

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    // As long in a quick report: what policies forget by time they don't forget any faster.
    let (begins, ends, end) = (THIRD, 2 * THIRD, 3 * THIRD);
    let text = format!(
        "[run]\nduration = \"{end}us\"\nwarmup = \"0s\"\n[[backends]]\ncount = 10\nservers = 4\n[load]\nutilization = 0.5\nservice = {{ exponential = \"80ms\" }}\n\
         [[event]]\nat = \"{begins}us\"\nuntil = \"{ends}us\"\nbackends = [\"b1\"]\nspeed = 0.1"
    );
    let results = lab.simulate_with_sequence("a slow backend", &text)?;
    let over_time = shares::of_the_first_of_ten(&results, (STEP, end));

    let time = |span: Option<u64>| span.map_or_else(|| "never".to_owned(), |micros| shown(micros as f64));
    let mut table = Table::new(&[
        "policy",
        "share while slow",
        "below half after",
        "half again after",
        "p99 of all requests",
    ]);
    for (result, over_time) in results.iter().zip(&over_time) {
        let times: Vec<f64> =
            result.runs.iter().map(|run| run.times.value_at_quantile(0.99) as f64).collect();
        table.add([
            result.name.clone(),
            format!("{:.2}", over_time.mean(begins, ends)),
            time(over_time.first(begins, ends, |share| share < 0.5)),
            time(over_time.first(ends, end, |share| share >= 0.5)),
            shown(times.iter().sum::<f64>() / times.len() as f64),
        ]);
    }
    let share = over_time[0].mean(begins, ends);
    let back = over_time[0].first(ends, end, |share| share >= 0.5);
    Ok(Section {
        title: "A slow backend",
        about: "Ten backends, each with four servers, at half of what they can serve. One of them takes ten times as long in the middle third of the \
                time. Its share of the requests, where 1 is fair."
            .to_owned(),
        lines: vec![
            Line {
                id: "slow-share",
                what: "a slow backend gets less",
                verdict: Verdict::at_most(share, 0.5, 1.1),
                found: format!("{share:.2} of its fair share"),
                value: Some(share),
                wanted: "at most 0.50".to_owned(),
            },
            Line {
                id: "slow-return",
                what: "it is used again when it is as fast as before",
                verdict: if back.is_some() { Verdict::Pass } else { Verdict::Fail },
                found: back.map_or_else(|| "never".to_owned(), |after| format!("after {}", shown(after as f64))),
                value: back.map(|after| after as f64 / 1e6),
                wanted: format!("half its share within {}", shown(THIRD as f64)),
            },
        ],
        table,
        chart: Some(shares::chart("Share of the backend that is slow in the middle third; 1 is fair", &results, &over_time)),
    })
}
