//! A report for a terminal.

use std::fmt::Write as _;

use super::line::Verdict;
use super::model::Report;
use crate::aligned::aligned;

impl Report {
    /// A line for each thing that is judged, worst last in words, without an end of line after the last one.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows = vec![["verdict", "line", "what", "found", "wanted"].map(str::to_owned).to_vec()];
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        rows.extend(lines.map(|line| {
            vec![
                line.verdict.to_string(),
                line.id.to_owned(),
                line.what.to_owned(),
                line.found.clone(),
                line.wanted.clone(),
            ]
        }));
        let mut text = format!("{}  sha256 {}\n\n{}", self.policy, self.sha256, aligned(&rows, 5));
        let _ = write!(text, "\n\n{}: {}", self.policy, self.sum());
        text
    }

    /// What it comes to, in words.
    pub(super) fn sum(&self) -> String {
        let lines = || self.sections.iter().flat_map(|section| &section.lines);
        let count = |verdict: Verdict| lines().filter(|line| line.verdict == verdict).count();
        let mut parts = vec![format!("{} passed", count(Verdict::Pass))];
        for (verdict, what) in [
            (Verdict::Warn, "to know of"),
            (Verdict::Fail, "failed"),
            (Verdict::Allowed, "failed and allowed"),
            (Verdict::NotApplicable, "not applicable"),
        ] {
            if count(verdict) > 0 {
                parts.push(format!("{} {what}", count(verdict)));
            }
        }
        parts.join(", ")
    }
}
