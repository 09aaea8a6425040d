//! The thread that writes the log.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use tracing::Level;

use super::limit::Limits;
use super::line;
use super::queue::Queue;

/// How often it is checked whether suppressed lines are to be reported.
const CHECK: Duration = Duration::from_secs(10);

/// After an error there is no further attempt for this long, as each one costs as much as a line that is written.
const PAUSE: Duration = Duration::from_millis(100);

/// What a pipe takes in one piece (`PIPE_BUF`), so that two processes that share one, as during a take-over, don't write
/// into each other's lines.
const PIECE: usize = 4096;

/// Writes whole lines, and keeps account of those that couldn't be written.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: W,
    limits: Arc<Limits>,
    /// Lost lines that aren't reported yet.
    lost: u64,
    reason: &'static str,
    /// Whether the last thing that was written is the beginning of a line.
    cut: bool,
}

/// What a write came to.
struct Stopped {
    written: usize,
    error: io::Error,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, limits: Arc<Limits>) -> Self {
        Self { out, limits, lost: 0, reason: "", cut: false }
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
        let mut rest = batch;
        while !rest.is_empty() {
            let piece = &rest[..piece(rest)];
            match self.write_piece(piece.as_bytes()) {
                Ok(()) => rest = &rest[piece.len()..],
                Err(Stopped { written, error }) => {
                    // Each further line would meet the same error.
                    self.lose(lines(&rest.as_bytes()[written..]), reason(&error));
                    break;
                }
            }
        }
        if overflow > 0 {
            self.lose(overflow, "nobody took them in time");
        }
        self.report_lost();
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
        if self.write_piece(note.as_bytes()).is_ok() {
            self.lost = 0;
        }
    }

    /// Reports suppressed lines that no later line of their kind has reported.
    fn report_suppressed(&mut self) {
        let suppressed = self.limits.settle();
        if suppressed > 0 {
            let text = "repeated lines were left out";
            let note = line::own(Level::WARN, "log-lines-suppressed", text, ("suppressed", suppressed));
            if let Err(stopped) = self.write_piece(note.as_bytes()) {
                self.lose(1, reason(&stopped.error));
            }
        }
    }

    fn write_piece(&mut self, piece: &[u8]) -> Result<(), Stopped> {
        if self.cut {
            self.write_all(b"\n").map_err(|stopped| Stopped { written: 0, ..stopped })?;
        }
        self.write_all(piece)
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(&bytes[written..]) {
                Ok(0) => return Err(Stopped { written, error: ErrorKind::WriteZero.into() }),
                Ok(more) => {
                    written += more;
                    self.cut = bytes[written - 1] != b'\n';
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Stopped { written, error }),
            }
        }
        Ok(())
    }
}

/// How much of a batch is written at once: as many lines as fit, and at least one.
fn piece(batch: &str) -> usize {
    let most = batch.floor_char_boundary(PIECE);
    let end = batch[..most].rfind('\n').or_else(|| batch.find('\n'));
    end.map_or(batch.len(), |end| end + 1)
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::BrokenPipe => "their reader was gone",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "the disk was full",
        _ => "they could not be written",
    }
}

/// The descriptor itself: the standard library's handle has a lock that printing threads would wait for.
#[derive(Debug)]
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        loop {
            match rustix::io::write(&stderr, bytes) {
                // Another process that shares it wants it so. It isn't ours to change; and this thread can wait.
                Err(rustix::io::Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None)?;
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    struct Disk {
        content: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            // Little by little, as some sinks do.
            let written = bytes.len().min(self.room).min(3);
            self.room -= written;
            self.content.extend_from_slice(&bytes[..written]);
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(writer: &mut Writer<Disk>) -> String {
        String::from_utf8(std::mem::take(&mut writer.out.content)).expect("text")
    }

    #[test]
    fn what_cannot_be_written_is_told_of_once_something_can() {
        let mut writer = Writer::new(Disk { content: Vec::new(), room: 7 }, Arc::default());
        writer.write_batch("first\nsecond\nthird\n", 0);
        writer.write_batch("fourth\n", 2);
        assert_eq!(told(&mut writer), "first\ns");
        writer.out.room = 1000;
        writer.write_batch("fifth\n", 0);
        let text = told(&mut writer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "", "the line that was cut ends here");
        assert!(lines[1].contains(" WARN log lines were lost: ") && lines[1].ends_with(" lost=5"), "{text}");
        assert_eq!(lines[2], "fifth");
        writer.write_batch("sixth\n", 0);
        assert_eq!(told(&mut writer), "sixth\n");
    }

    #[test]
    fn an_overflow_is_told_of_where_it_happened() {
        let mut writer = Writer::new(Disk { content: Vec::new(), room: 1000 }, Arc::default());
        writer.write_batch("last before\n", 12);
        writer.write_batch("first behind\n", 0);
        let text = told(&mut writer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[2]), ("last before", "first behind"));
        assert!(lines[1].ends_with("nobody took them in time event=\"log-lines-lost\" lost=12"), "{text}");
    }

    #[test]
    fn lines_are_written_whole() {
        let line = format!("{}\n", "ü".repeat(1000));
        assert_eq!(piece(&line.repeat(3)), 2 * line.len());
        assert_eq!(piece("a\n"), 2);
        let long = format!("{}\n", "ü".repeat(5000));
        assert_eq!(piece(&format!("{long}a\n")), long.len());
    }
}
