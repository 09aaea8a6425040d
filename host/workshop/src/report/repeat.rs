//! Whether the same seed is the same run, and whether the policy has failed in any.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let (duration, at) = (lab.span(20.0), lab.span(8.0));
    let text = format!(
        "[run]\nduration = \"{duration}\"\nproxies = 3\n[[backends]]\ncount = 5\n[load]\nutilization = 0.7\nkeys = {{ count = 1000, zipf = 1.1 }}\n\
         [[event]]\nat = \"{at}\"\nbackends = [\"b1\"]\nspeed = 0.3"
    );
    let mut digests = Vec::new();
    for _ in 0..2 {
        let results = lab.simulate_subject("determinism", &text)?;
        digests.push(results[0].runs.iter().map(|run| format!("{:016x}", run.digest)).collect::<Vec<_>>());
    }
    let mut table = Table::new(&["seed", "digest", "digest of the repetition"]);
    for (seed, (first, second)) in (1..).zip(digests[0].iter().zip(&digests[1])) {
        table.add([seed.to_string(), first.clone(), second.clone()]);
    }
    let (same, faults) = (digests[0] == digests[1], lab.faults());
    let (rejected, abstained) = (lab.rejected(), lab.abstained());
    Ok(Section {
        title: "Determinism and faults",
        about: "A simulation with three proxies, twice with each seed; and all calls of the policy that failed, and requests that it rejected, in any \
                simulation of this report. Requests that are rejected take no time, so that other lines may look better for it."
            .to_owned(),
        lines: vec![
            Line {
                id: "determinism",
                what: "the same seed is the same run",
                verdict: if same { Verdict::Pass } else { Verdict::Fail },
                found: if same { "the same digests" } else { "other digests" }.to_owned(),
                value: None,
                wanted: "the same digests".to_owned(),
            },
            Line {
                id: "faults",
                what: "no call fails",
                verdict: if faults == 0 { Verdict::Pass } else { Verdict::Fail },
                found: format!("{faults} failed calls"),
                value: Some(faults as f64),
                wanted: "0".to_owned(),
            },
            Line {
                id: "rejects",
                what: "no request is rejected, as there is always room",
                verdict: if rejected == 0.0 { Verdict::Pass } else { Verdict::Fail },
                found: format!("{:.2} % rejected", rejected * 100.0),
                value: Some(rejected),
                wanted: "0 %".to_owned(),
            },
            Line {
                id: "abstentions",
                what: "the figures are the policy's, not those of the fallback",
                verdict: Verdict::at_most(abstained, 0.01, f64::INFINITY),
                found: format!("{:.2} % of the picks left to the fallback", abstained * 100.0),
                value: Some(abstained),
                wanted: "at most 1 %".to_owned(),
            },
        ],
        table,
        chart: None,
    })
}
