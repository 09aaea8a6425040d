//! The thread that writes the access log.

use std::io::Write;
use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::reminder::Reminder;

use super::handover::{Block, Handover, Task};
use super::output::Output;
use crate::config::LogOutput;
use crate::line_writer::{Descriptor, LineWriter, Unwritten};

/// After an error there is no further attempt for this long, as each one costs as much as a line that is written.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes blocks, and keeps account of lines that couldn't be written.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: LineWriter<W>,
    piece: usize,
    /// Dropped lines of which a line has yet to tell.
    untold: u64,
}

/// Writes what comes until the end.
pub(super) fn run(output: Output, target: &LogOutput, handover: &Handover) {
    let Output { descriptor, piece } = output;
    let mut writer = Writer { out: LineWriter::new(descriptor), piece, untold: 0 };
    let (clock, failures) = (Clock::start(), Reminder::default());
    let mut may_rest = false;
    loop {
        let written = match handover.next(may_rest) {
            Task::Write(block) => {
                may_rest = false;
                writer.write(block, handover)
            }
            Task::Rest => {
                may_rest = true;
                writer.tell_dropped(handover)
            }
            Task::Reopen => {
                reopen(&mut writer, target);
                Ok(())
            }
            Task::End => break,
        };
        if let Err(Unwritten { error, .. }) = written {
            handover.counts().count_error();
            if let Some(times) = failures.count(clock.now()) {
                tracing::warn!(
                    event = "access-log-write-failed", path = %target, %error, times,
                    "lines of the access log are dropped"
                );
            }
            // What comes meanwhile waits in its blocks, or is dropped.
            std::thread::sleep(PAUSE);
        }
    }
    let _ = writer.tell_dropped(handover);
    handover.end();
}

fn reopen(writer: &mut Writer<Descriptor>, target: &LogOutput) {
    if *target == LogOutput::Stdout {
        return;
    }
    match Output::open(target) {
        Ok(output) => {
            writer.out.set_output(output.descriptor);
            writer.piece = output.piece;
            tracing::info!(event = "access-log-reopened", path = %target, "access log opened anew");
        }
        Err(error) => tracing::error!(
            event = "access-log-reopen-failed", path = %target, %error,
            "the access log goes on in the file that was open"
        ),
    }
}

impl<W: Write> Writer<W> {
    /// Writes a block, after a line that tells of dropped ones if there are any.
    fn write(&mut self, block: Block, handover: &Handover) -> Result<(), Unwritten> {
        let told = self.tell_dropped(handover);
        let written = told.and_then(|()| self.out.write_lines(&block.text, self.piece));
        // If it couldn't be told that lines were dropped, none of these was tried.
        let lost = match &written {
            Ok(()) => 0,
            Err(Unwritten { lines, .. }) if self.untold == 0 => (*lines).min(block.lines),
            Err(_) => block.lines,
        };
        handover.add_untold(lost);
        handover.counts().count_written(block.text.len(), block.lines, lost);
        handover.give_back(block);
        written
    }

    /// Tells of dropped lines, if that can be written.
    fn tell_dropped(&mut self, handover: &Handover) -> Result<(), Unwritten> {
        self.untold += handover.take_untold();
        if self.untold > 0 {
            let line = format!("{{\"event\":\"dropped\",\"lines\":{}}}\n", self.untold);
            self.out.write_lines(line.as_bytes(), self.piece)?;
            self.untold = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::Disk;

    fn block(handover: &Handover, lines: &[&str]) -> Block {
        let mut block = handover.take_empty().expect("room");
        for line in lines {
            block.text.extend_from_slice(line.as_bytes());
            block.text.push(b'\n');
            block.lines += 1;
        }
        handover.counts().count_buffered(block.text.len());
        block
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_told_of_first_once_there_is_room() {
        let handover = Handover::new(1, Arc::default());
        let mut writer = Writer { out: LineWriter::new(Disk::with_room(9)), piece: 4096, untold: 0 };
        writer.write(block(&handover, &["first", "second", "third"]), &handover).expect_err("it is full");
        writer.write(block(&handover, &["fourth"]), &handover).expect_err("it is still full");
        handover.drop_line();
        assert_eq!(writer.out.output().take_text(), "first\nsec");
        writer.out.output().room = 1000;
        writer.write(block(&handover, &["fifth"]), &handover).expect("there is room");
        assert_eq!(writer.out.output().take_text(), "\n{\"event\":\"dropped\",\"lines\":4}\nfifth\n");
        let counts = handover.counts();
        assert_eq!(
            (counts.lines(), counts.dropped_by_errors(), counts.dropped_for_want_of_room()),
            (2, 3, 1)
        );
        assert_eq!(counts.buffered_bytes(), 0);
        writer.tell_dropped(&handover).expect("there is room");
        assert_eq!(writer.out.output().take_text(), "", "it is told once");
    }
}
