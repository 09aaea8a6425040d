//! What was found, beside what was expected.

use std::fmt::{self, Write as _};

use super::case::{Case, Expected, Figure};
use super::cases::KNOWN;

pub(super) struct Row {
    case: String,
    source: &'static str,
    figure: String,
    expected: f64,
    tolerance: f64,
    found: f64,
}

impl Row {
    pub(super) fn new(case: &Case, expected: &Expected, found: f64) -> Self {
        let figure = match expected.what {
            Figure::Mean => "mean time".to_owned(),
            Figure::Occupied(least) => format!("{least} or more"),
            Figure::Within => "% within 1 s".to_owned(),
            Figure::ShareOfFirst => "share of the first".to_owned(),
            Figure::P99 => "99 % within, ms".to_owned(),
            Figure::Affinity => "% that stay with their key".to_owned(),
        };
        Self {
            case: case.name.clone(),
            source: case.source,
            figure,
            expected: expected.value,
            tolerance: expected.tolerance,
            found,
        }
    }

    /// What is known of it if it doesn't hold.
    pub(super) fn known(&self) -> Option<&'static str> {
        KNOWN.into_iter().find(|(name, _)| self.case.contains(name)).map(|(_, why)| why)
    }

    pub(super) fn holds(&self) -> bool {
        (self.found - self.expected).abs() <= self.tolerance
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, figure, expected, tolerance, found, .. } = self;
        let holds = if self.holds() { "ok  " } else { "OFF " };
        write!(f, "{holds}{case}: {figure} {found:.4}, expected {expected:.4} ± {tolerance:.4}")
    }
}

/// The page that keeps a run.
pub(super) fn page(rows: &[Row]) -> String {
    let mut page = "\
# Results that are known

What `cargo xtask oracles` printed: simulations by `pointsman simulate`, with the bundled policies, of what theory gives exactly or others have found. Times are
in units of the mean work of a request. Made by the command; `cargo xtask oracles --record` makes it anew, in about ten minutes.

| Simulation | Figure | Expected | Tolerance | Found | | Where it is from |
|---|---|---:|---:|---:|---|---|
"
    .to_owned();
    for row in rows {
        let Row { case, source, figure, expected, tolerance, found } = row;
        let holds = match (row.holds(), row.known()) {
            (true, _) => String::new(),
            (false, None) => "**off**".to_owned(),
            (false, Some(why)) => format!("**off**: {why}"),
        };
        let _ = writeln!(
            page,
            "| {case} | {figure} | {expected:.4} | {tolerance:.4} | {found:.4} | {holds} | {source} |"
        );
    }
    page
}
