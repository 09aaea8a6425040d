//! Lines on their way to the thread that writes them.

use std::mem;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The size of the queue. A line that finds no room is lost.
const MAX_BYTES: usize = 1 << 20;
const MAX_LINES: usize = 8 << 10;

/// A bounded queue of lines. Its lock is held while a line is copied, never while one is written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    text: String,
    lines: usize,
    lost: u64,
    writer: WriterState,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum WriterState {
    /// At work, or not there yet.
    #[default]
    Busy,
    /// Waits for lines.
    Idle,
}

impl Queue {
    /// Adds a line, which ends with a line feed, or counts it as lost.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.state.lock();
        if state.lines >= MAX_LINES || state.text.len() + line.len() > MAX_BYTES {
            state.lost += 1;
            return;
        }
        state.text.push_str(line);
        state.lines += 1;
        if state.writer == WriterState::Idle {
            self.filled.notify_one();
        }
    }

    /// Waits for lines, for at most this long. Moves them into `batch`, in place of its content, and returns how many were lost
    /// behind them.
    pub(super) fn wait(&self, at_most: Duration, batch: &mut String) -> u64 {
        batch.clear();
        let mut state = self.state.lock();
        if state.text.is_empty() && state.lost == 0 {
            state.writer = WriterState::Idle;
            self.written.notify_all();
            let nothing = |state: &mut State| state.text.is_empty() && state.lost == 0;
            self.filled.wait_while_for(&mut state, nothing, at_most);
            state.writer = WriterState::Busy;
        }
        mem::swap(&mut state.text, batch);
        state.lines = 0;
        mem::take(&mut state.lost)
    }

    /// Waits until everything is written, for at most this long.
    pub(super) fn wait_until_written(&self, at_most: Duration) {
        let left = |state: &mut State| !state.text.is_empty() || state.writer == WriterState::Busy;
        self.written.wait_while_for(&mut self.state.lock(), left, at_most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_lost_and_counted() {
        let queue = Queue::default();
        (0..MAX_LINES + 3).for_each(|_| queue.push("x\n"));
        let mut batch = "old".to_owned();
        assert_eq!(queue.wait(Duration::ZERO, &mut batch), 3);
        assert_eq!(batch.len(), 2 * MAX_LINES);
        let long = "x".repeat(MAX_BYTES / 2 + 1);
        queue.push(&long);
        queue.push(&long);
        queue.push("short\n");
        assert_eq!(queue.wait(Duration::ZERO, &mut batch), 1);
        assert_eq!(batch.len(), long.len() + "short\n".len());
        assert_eq!(queue.wait(Duration::ZERO, &mut batch), 0);
        assert_eq!(batch, "");
    }

    #[test]
    fn an_end_waits_for_the_writer_but_not_for_ever() {
        let queue = Queue::default();
        queue.push("x\n");
        // There is no writer.
        queue.wait_until_written(Duration::from_millis(1));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut batch = String::new();
                queue.wait(Duration::from_secs(60), &mut batch);
                assert_eq!(batch, "x\n");
                queue.wait(Duration::from_secs(60), &mut batch);
                assert_eq!(batch, "y\n");
            });
            queue.wait_until_written(Duration::from_secs(60));
            queue.push("y\n");
        });
    }
}
