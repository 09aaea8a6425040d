//! The thread that writes the log.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Level;

use super::limit::Limits;
use super::line;
use super::queue::Queue;
use crate::line_writer::{LineWriter, PIPE_PIECE, Unwritten, reason};

/// How often it is checked whether suppressed lines are to be reported.
const CHECK: Duration = Duration::from_secs(10);

/// After an error there is no further attempt for this long, as each one costs as much as a line that is written.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes whole lines, and keeps account of those that couldn't be written.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: LineWriter<W>,
    limits: Arc<Limits>,
    /// Lost lines that aren't reported yet.
    lost: u64,
    reason: &'static str,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, limits: Arc<Limits>) -> Self {
        Self { out: LineWriter::new(out), limits, lost: 0, reason: "" }
    }

    /// Writes what comes, for as long as the process lives.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut batch = String::new();
        let mut checked = Instant::now();
        loop {
            let overflow = queue.wait(CHECK, &mut batch);
            self.write_batch(&batch, overflow);
            if self.lost > 0 {
                // There was an error. What comes meanwhile waits in the queue.
                std::thread::sleep(PAUSE);
            }
            if checked.elapsed() >= CHECK {
                checked = Instant::now();
                self.report_suppressed();
            }
        }
    }

    /// Writes lines, behind which `overflow` lines were lost because the queue was full.
    fn write_batch(&mut self, batch: &str, overflow: u64) {
        self.report_lost();
        self.write(batch.as_bytes());
        if overflow > 0 {
            self.lose(overflow, "nobody took them in time");
        }
        self.report_lost();
    }

    fn write(&mut self, lines: &[u8]) {
        if let Err(Unwritten { lines, error }) = self.out.write_lines(lines, PIPE_PIECE) {
            self.lose(lines, reason(&error));
        }
    }

    fn lose(&mut self, count: u64, reason: &'static str) {
        self.lost += count;
        self.reason = reason;
    }

    /// Reports how many lines were lost, if the output takes lines again.
    fn report_lost(&mut self) {
        if self.lost == 0 {
            return;
        }
        let text = format_args!("log lines were lost: {}", self.reason);
        let note = line::own(Level::WARN, "log-lines-lost", text, ("lost", self.lost));
        if self.out.write_lines(note.as_bytes(), PIPE_PIECE).is_ok() {
            self.lost = 0;
        }
    }

    /// Reports suppressed lines that no later line of their kind has reported.
    fn report_suppressed(&mut self) {
        let suppressed = self.limits.settle();
        if suppressed > 0 {
            let text = "repeated lines were left out";
            let note = line::own(Level::WARN, "log-lines-suppressed", text, ("suppressed", suppressed));
            self.write(note.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Disk;

    #[test]
    fn what_cannot_be_written_is_told_of_once_something_can() {
        let mut writer = Writer::new(Disk::with_room(7), Arc::default());
        writer.write_batch("first\nsecond\nthird\n", 0);
        writer.write_batch("fourth\n", 2);
        assert_eq!(writer.out.output().take_text(), "first\ns");
        writer.out.output().room = 1000;
        writer.write_batch("fifth\n", 0);
        let text = writer.out.output().take_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "", "the line that was cut ends here");
        assert!(lines[1].contains(" WARN log lines were lost: ") && lines[1].ends_with(" lost=5"), "{text}");
        assert_eq!(lines[2], "fifth");
        writer.write_batch("sixth\n", 0);
        assert_eq!(writer.out.output().take_text(), "sixth\n");
    }

    #[test]
    fn an_overflow_is_told_of_where_it_happened() {
        let mut writer = Writer::new(Disk::with_room(1000), Arc::default());
        writer.write_batch("last before\n", 12);
        writer.write_batch("first behind\n", 0);
        let text = writer.out.output().take_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[2]), ("last before", "first behind"));
        assert!(lines[1].ends_with("nobody took them in time event=\"log-lines-lost\" lost=12"), "{text}");
    }
}
