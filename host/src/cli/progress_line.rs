//! The line that says how far something long is.
//!
//! On a terminal it is one line that changes. Elsewhere, as in the log of a build, it is a line now and then, and none of what is soon done.

use std::fmt::Arguments;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

/// Time between two changes of the line on a terminal.
const CHANGED_EVERY: Duration = Duration::from_millis(200);

/// Time between two lines elsewhere, and before the first.
const TOLD_EVERY: Duration = Duration::from_secs(30);

pub(super) struct ProgressLine {
    is_terminal: bool,
    /// When it was shown last; without a terminal at first, when it began.
    last: Option<Instant>,
}

impl ProgressLine {
    /// Of what begins now.
    pub(super) fn begin() -> Self {
        Self::at(Instant::now(), io::stderr().is_terminal())
    }

    fn at(began: Instant, is_terminal: bool) -> Self {
        Self { is_terminal, last: (!is_terminal).then_some(began) }
    }

    /// Shows the share that is done, 0 to 1, and what runs, unless that was just shown.
    pub(super) fn show(&mut self, share: f64, what: Arguments<'_>) {
        self.show_at(Instant::now(), &mut io::stderr(), share, what);
    }

    fn show_at(&mut self, now: Instant, out: &mut impl Write, share: f64, what: Arguments<'_>) {
        let every = if self.is_terminal { CHANGED_EVERY } else { TOLD_EVERY };
        if self.last.is_some_and(|last| now.duration_since(last) < every) {
            return;
        }
        self.last = Some(now);
        let percent = share * 100.0;
        // Nobody has to see it.
        let _ = match self.is_terminal {
            true => write!(out, "\r\x1b[K{percent:3.0} %  {what}"),
            false => writeln!(out, "{percent:3.0} %  {what}"),
        };
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.is_terminal && self.last.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_terminal: bool, at_ms: &[u64]) -> String {
        let (began, mut out) = (Instant::now(), Vec::new());
        let mut line = ProgressLine::at(began, is_terminal);
        for at in at_ms {
            let now = began + Duration::from_millis(*at);
            line.show_at(now, &mut out, *at as f64 / 100_000.0, format_args!("at {at}"));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_changes() {
        let expected = "\r\x1b[K  0 %  at 0\r\x1b[K  0 %  at 200\r\x1b[K 31 %  at 31000";
        assert_eq!(shown(true, &[0, 100, 200, 31_000]), expected);
    }

    #[test]
    fn elsewhere_it_is_a_line_now_and_then() {
        assert_eq!(shown(false, &[0, 100, 29_999]), "", "of what is soon done nothing is told");
        let expected = " 30 %  at 30000\n 61 %  at 61000\n";
        assert_eq!(shown(false, &[0, 30_000, 59_999, 61_000, 90_999]), expected);
    }
}
