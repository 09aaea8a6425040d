//! Writes whole lines to what may be slow, full or gone.
//!
//! Only a thread of its own may write with this, as it waits for the output. It goes on after a short write at the same byte, and ends a
//! line that an error has cut before it writes another one.

use std::fs::File;
use std::io::{self, ErrorKind, Stderr, Stdout, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};

/// What a pipe takes in one piece (`PIPE_BUF`), so that two processes that share one, as during a take-over, don't write
/// into each other's lines.
pub const PIPE_PIECE: usize = 4096;

/// Writes whole lines.
#[derive(Debug)]
pub struct LineWriter<W> {
    out: W,
    /// Whether the last thing that was written is the beginning of a line.
    cut: bool,
}

/// What wasn't written, and why.
#[derive(Debug)]
pub struct Unwritten {
    /// Lines that weren't written whole.
    pub lines: u64,
    /// Why.
    pub error: io::Error,
}

/// A write that stopped.
struct Stopped {
    written: usize,
    error: io::Error,
}

impl<W: Write> LineWriter<W> {
    /// Writes lines there.
    pub fn new(out: W) -> Self {
        Self { out, cut: false }
    }

    /// Writes elsewhere from now on.
    pub fn set_output(&mut self, out: W) {
        *self = Self::new(out);
    }

    /// The output of a test.
    #[cfg(test)]
    pub(crate) fn output(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes lines, each of which ends with a line feed, in pieces of whole lines that are no longer than `piece`, if a line isn't.
    ///
    /// # Errors
    ///
    /// How many lines weren't written whole. After an error none of those that follow is tried: each would meet the same one.
    pub fn write_lines(&mut self, lines: &[u8], piece: usize) -> Result<(), Unwritten> {
        let mut rest = lines;
        while !rest.is_empty() {
            let length = piece_length(rest, piece);
            if let Err(Stopped { written, error }) = self.write_piece(&rest[..length]) {
                return Err(Unwritten { lines: count_lines(&rest[written..]), error });
            }
            rest = &rest[length..];
        }
        Ok(())
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

/// How much is written at once: as many lines as fit, and at least one.
fn piece_length(lines: &[u8], most: usize) -> usize {
    let fitting = &lines[..lines.len().min(most)];
    let end = memchr::memrchr(b'\n', fitting).or_else(|| memchr::memchr(b'\n', lines));
    end.map_or(lines.len(), |end| end + 1)
}

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// What an error means for lines, in words.
#[must_use]
pub fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::BrokenPipe => "their reader was gone",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "the disk was full",
        _ => "they could not be written",
    }
}

/// A descriptor itself: the standard library's handles have locks that printing threads would wait for.
#[derive(Debug)]
pub enum Descriptor {
    /// Standard output.
    Stdout(Stdout),
    /// Standard error.
    Stderr(Stderr),
    /// A file.
    File(File),
}

impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let descriptor = match &*self {
            Self::Stdout(stdout) => stdout.as_fd(),
            Self::Stderr(stderr) => stderr.as_fd(),
            Self::File(file) => file.as_fd(),
        };
        loop {
            match rustix::io::write(descriptor, bytes) {
                // Another process that shares it wants it so. It isn't ours to change; and this thread can wait.
                Err(rustix::io::Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], None)?;
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
    use crate::testing::Disk;

    #[test]
    fn lines_are_written_whole() {
        let line = format!("{}\n", "ü".repeat(1000)).into_bytes();
        assert_eq!(piece_length(&line.repeat(3), PIPE_PIECE), 2 * line.len());
        assert_eq!(piece_length(b"a\n", PIPE_PIECE), 2);
        let long = format!("{}\n", "ü".repeat(5000)).into_bytes();
        assert_eq!(piece_length(&[&long[..], b"a\n"].concat(), PIPE_PIECE), long.len());
    }

    #[test]
    fn a_line_that_was_cut_ends_before_the_next_one() {
        let mut writer = LineWriter::new(Disk::with_room(7));
        let unwritten =
            writer.write_lines(b"first\nsecond\nthird\n", PIPE_PIECE).expect_err("there is no room");
        assert_eq!((unwritten.lines, reason(&unwritten.error)), (2, "the disk was full"));
        assert_eq!(writer.write_lines(b"lost\n", 1).expect_err("there is no room").lines, 1);
        writer.out.room = 100;
        writer.write_lines(b"fourth\nfifth\n", 8).expect("there is room");
        assert_eq!(writer.out.take_text(), "first\ns\nfourth\nfifth\n");
    }

    #[test]
    fn a_line_is_never_cut_by_an_end_that_was_reached_exactly() {
        let mut writer = LineWriter::new(Disk::with_room(6));
        assert_eq!(writer.write_lines(b"first\nsecond\n", 6).expect_err("there is no room").lines, 1);
        writer.out.room = 100;
        writer.write_lines(b"third\n", 6).expect("there is room");
        assert_eq!(writer.out.take_text(), "first\nthird\n");
    }
}
