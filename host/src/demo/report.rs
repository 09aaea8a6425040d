//! The table that the demonstration prints.

use std::time::Duration;

use anyhow::Result;

use crate::console::show;

use super::load::Tally;

/// Width of the first column.
const LABEL: usize = 26;

/// Prints row by row, as results come in.
#[derive(Debug)]
pub(super) struct Report {
    backends: Vec<&'static str>,
    failures: usize,
}

impl Report {
    /// Prints the head of the table.
    pub(super) fn new(backends: Vec<&'static str>) -> Self {
        let columns: String = backends.iter().map(|name| format!("{name:>9}")).collect();
        show!("{:<LABEL$}{columns}{:>10}", "policy", "failures");
        Self { backends, failures: 0 }
    }

    /// A policy and who served its requests.
    pub(super) fn policy(&mut self, label: &str, tally: &Tally) {
        self.failures += tally.failed();
        let columns: String = self
            .backends
            .iter()
            .map(|name| format!("{:>9}", tally.served.get(*name).copied().unwrap_or_default()))
            .collect();
        show!("{label:<LABEL$}{columns}{:>10}", tally.failed());
        for (reason, count) in &tally.failures {
            show!("    failed {count} times: {reason}");
        }
    }

    /// The swap, with the time from the new file to its publication.
    pub(super) fn swap(
        &mut self,
        (from, to): (&str, &str),
        tallies: &Result<[Tally; 3]>,
        took: Option<Duration>,
    ) {
        show!("\nswap under load: policy.wasm is replaced while requests flow");
        let [before, during, after] = match tallies {
            Ok(tallies) => tallies,
            Err(error) => {
                show!("the load failed: {error:#}");
                self.failures += 1;
                return;
            }
        };
        self.policy(&format!("  before ({from})"), before);
        self.policy("  while it is swapped", during);
        self.policy(&format!("  after ({to})"), after);
        match took {
            Some(took) => show!("  swapped {} ms after the file changed", took.as_millis()),
            None => show!("  the swap did not happen"),
        }
    }

    /// The last line.
    pub(super) fn conclude(&self) {
        match self.failures {
            0 => show!("\nno request failed\n"),
            1 => show!("\n1 request failed\n"),
            failures => show!("\n{failures} requests failed\n"),
        }
    }

    pub(super) fn failures(&self) -> usize {
        self.failures
    }
}
