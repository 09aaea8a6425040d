//! A backend that has just come.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use super::shares;

/// When it comes, and when the run ends, s.
const JOINS: f64 = 6.0;
const END: f64 = 12.0;

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let (joins, end) = (lab.micros(JOINS), lab.micros(END));
    // It is a member from the beginning in the spec, so it leaves at once.
    let text = format!(
        "[run]\nduration = \"{end}us\"\nwarmup = \"0s\"\n[[backends]]\ncount = 10\nservers = 10\n[load]\nutilization = 0.7\nservice = {{ exponential = \"50ms\" }}\n\
         [[event]]\nat = \"0s\"\nuntil = \"{joins}us\"\nbackends = [\"b1\"]\nmember = false"
    );
    let results = lab.simulate_with_sequence("a new backend", &text)?;
    let step = lab.micros(0.05);
    let over_time = shares::of_the_first_of_ten(&results, (step, end));
    let first_second = joins + lab.micros(1.0);
    let mut table = Table::new(&["policy", "greatest share in the first second", "mean share in it"]);
    for (result, over_time) in results.iter().zip(&over_time) {
        table.add([
            result.name.clone(),
            format!("{:.2}", over_time.most(joins, first_second)),
            format!("{:.2}", over_time.mean(joins, first_second)),
        ]);
    }
    let most = over_time[0].most(joins, first_second);
    Ok(Section {
        title: "A new backend",
        about: "Nine backends with about eight requests each, and a tenth that comes in the middle. It has nothing to do, so whoever looks for the least \
                sends it everything for a moment. Its share over 0.2 s, where 1 is fair."
            .to_owned(),
        lines: vec![Line {
            id: "new-share",
            what: "a new backend isn't overrun",
            verdict: Verdict::at_most(most, 3.0, 6.0),
            found: format!("{most:.2} times its fair share"),
            value: Some(most),
            wanted: "at most 3 times".to_owned(),
        }],
        table,
        chart: Some(shares::chart("Share of the backend that comes in the middle; 1 is fair", &results, &over_time)),
    })
}
