//! What is judged, and by which limit.

use std::fmt;

use serde::Serialize;

/// The ids of all lines, in the order of a report.
pub(super) const IDS: [&str; 21] = [
    "fair-shares",
    "fair-weights",
    "starvation",
    "leave",
    "return",
    "join",
    "agreement",
    "proxies",
    "old-counts",
    "very-old-counts",
    "slow-share",
    "slow-return",
    "failing-share",
    "new-share",
    "pick-cost",
    "cost-growth",
    "memory",
    "determinism",
    "faults",
    "rejects",
    "abstentions",
];

/// How well a policy does; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nothing to judge.
    NotApplicable,
    /// As it should be.
    #[default]
    Pass,
    /// It fails, and whoever asked knows and accepts that.
    Allowed,
    /// Worth knowing before it serves.
    Warn,
    /// It does harm.
    Fail,
}

/// One thing that is judged.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// What names it for `--allow`.
    pub id: &'static str,
    /// What is judged, in words.
    pub what: &'static str,
    /// How well it does.
    pub verdict: Verdict,
    /// The figure that was found.
    pub found: String,
    /// The same as a number: a share of 1 where it is said in percent, seconds, or what `found` counts. None if it is no number, or there is nothing
    /// to judge.
    pub value: Option<f64>,
    /// What would pass.
    pub wanted: String,
}

impl Verdict {
    /// Passes up to one limit, warns up to the next.
    pub(super) fn at_most(value: f64, pass: f64, warn: f64) -> Self {
        match value {
            value if value <= pass => Self::Pass,
            value if value <= warn => Self::Warn,
            _ => Self::Fail,
        }
    }

    /// Passes down to one limit, warns down to the next.
    pub(super) fn at_least(value: f64, pass: f64, warn: f64) -> Self {
        match value {
            value if value >= pass => Self::Pass,
            value if value >= warn => Self::Warn,
            _ => Self::Fail,
        }
    }

    /// A failure is only worth knowing.
    pub(super) fn only_warns(self) -> Self {
        self.min(Self::Warn)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotApplicable => "–",
            Self::Pass => "pass",
            Self::Allowed => "allowed",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

impl Line {
    /// A failure whose id is among these is accepted.
    pub(super) fn allow(&mut self, ids: &[String]) {
        if self.verdict == Verdict::Fail && ids.iter().any(|id| id == self.id) {
            self.verdict = Verdict::Allowed;
        }
    }
}
