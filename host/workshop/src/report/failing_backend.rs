//! A backend that answers with failures, and at once.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use super::shares;

/// Half of the time it is as the others, s.
const HALF: f64 = 15.0;

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let (begins, end) = (lab.micros(HALF), lab.micros(2.0 * HALF));
    let text = format!(
        "[run]\nduration = \"{end}us\"\nwarmup = \"0s\"\n[[backends]]\ncount = 10\nservers = 10\n[load]\nutilization = 0.7\nservice = {{ exponential = \"50ms\" }}\n\
         [[event]]\nat = \"{begins}us\"\nbackends = [\"b1\"]\nstatus = 500"
    );
    let results = lab.simulate_with_sequence("a failing backend", &text)?;
    let step = lab.micros(0.25);
    let over_time = shares::of_the_first_of_ten(&results, (step, end));
    let mut table = Table::new(&["policy", "share of the failing one", "requests that failed"]);
    for (result, over_time) in results.iter().zip(&over_time) {
        let (failed, all) = result
            .runs
            .iter()
            .fold((0, 0), |sum, run| (sum.0 + run.counts.failed, sum.1 + run.counts.requests));
        table.add([
            result.name.clone(),
            format!("{:.2}", over_time.mean(begins, end)),
            format!("{:.2} %", failed as f64 / all.max(1) as f64 * 100.0),
        ]);
    }
    let share = over_time[0].mean(begins, end);
    Ok(Section {
        title: "A failing backend",
        about: "Ten backends, each with about seven requests at a time. From the middle on one of them answers with 500 at once, so it always looks idle. \
                Its share of the requests, where 1 is fair. The proxy's own ejection, which would take it out after some failures, is off here."
            .to_owned(),
        lines: vec![Line {
            id: "failing-share",
            what: "a backend that fails at once isn't taken for an idle one",
            verdict: Verdict::at_most(share, 1.25, 3.0),
            found: format!("{share:.2} of its fair share"),
            value: Some(share),
            wanted: "at most 1.25".to_owned(),
        }],
        table,
        chart: Some(shares::chart("Share of the backend that fails from the middle on; 1 is fair", &results, &over_time)),
    })
}
