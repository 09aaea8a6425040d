//! What a report is asked for, and what it consists of.

use pointsman_policy::SimulationError;
use serde::Serialize;

use super::line::{Line, Verdict};
use crate::chart::Chart;
use crate::simulate::SimulateError;

/// How a report is made.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// The header field that has the key of a request, for policies that keep requests together by one; none = the client's address.
    pub header: Option<String>,
    /// Fewer and shorter runs: a fifth of the time, and figures that scatter more.
    pub quick: bool,
    /// Lines, by their ids, whose failure is known and accepted.
    pub allowed: Vec<String>,
}

/// What has been found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the policy is called.
    pub policy: String,
    /// The SHA-256 of its plugin.
    pub sha256: String,
    /// Its configuration, as JSON.
    pub config: String,
    /// What all lines come to: the worst.
    pub verdict: Verdict,
    /// Runs of each simulation, each with another seed, from 1 on.
    pub seeds: u32,
    /// What was tried.
    pub sections: Vec<Section>,
}

/// One experiment.
#[derive(Debug, Serialize)]
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    /// What was done, and what to look for.
    pub about: String,
    /// What was judged.
    pub lines: Vec<Line>,
    /// All figures.
    pub table: Table,
    /// The same as a picture.
    #[serde(skip)]
    pub(crate) chart: Option<Chart>,
}

/// Figures. The first row names the columns, the first column the rows.
#[derive(Debug, Default, Serialize)]
pub struct Table(pub Vec<Vec<String>>);

/// A report can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A simulation can't be run.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The plugin can't serve.
    #[error(transparent)]
    Refused(#[from] SimulationError),
    /// No line has this id.
    #[error("no line of a report is called {unknown:?}; there are {}", known.join(", "))]
    NoLine {
        /// What was asked for.
        unknown: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(columns: &[&str]) -> Self {
        Self(vec![columns.iter().map(|column| (*column).to_owned()).collect()])
    }

    pub(super) fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.0.push(row.into_iter().collect());
    }
}
