//! The line that says how far something long is, on a terminal only.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Time between two changes of the line.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(super) struct ProgressLine(Option<Instant>);

impl ProgressLine {
    /// Shows the share that is done, 0 to 1, and what runs, unless that was just shown.
    pub(super) fn show(&mut self, share: f64, what: std::fmt::Arguments<'_>) {
        let now = Instant::now();
        let is_due = self.0.is_none_or(|last| now.duration_since(last) >= SHOWN_EVERY);
        if is_due && io::stderr().is_terminal() {
            self.0 = Some(now);
            let _ = write!(io::stderr(), "\r\x1b[K{:3.0} %  {what}", share * 100.0);
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.0.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
