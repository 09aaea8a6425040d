//! Blocks of lines, from the workers to the thread that writes them and back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::counts::LogCounts;

/// Size of a block.
pub(super) const BLOCK: usize = 64 << 10;

/// Lines of one worker.
#[derive(Debug)]
pub(super) struct Block {
    /// The lines, each with its line feed.
    pub(super) text: Vec<u8>,
    /// How many they are.
    pub(super) lines: u64,
}

impl Block {
    fn new() -> Self {
        Self { text: Vec::with_capacity(BLOCK), lines: 0 }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(BLOCK);
        self.lines = 0;
    }
}

/// What the writer is to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Write this.
    Write(Block),
    /// Open the output anew.
    Reopen,
    /// Nothing at the moment: everything that was handed over is written.
    Rest,
    /// Nothing any more.
    End,
}

/// A bounded number of blocks. Its lock is held while one changes hands, never while a line is formatted or written.
#[derive(Debug)]
pub(super) struct Handover {
    state: Mutex<State>,
    /// There is something to do.
    filled: Condvar,
    /// Everything is written.
    written: Condvar,
    /// Whether a worker that asks for an empty block may get one: those that drop lines don't take the lock for each.
    has_room: AtomicBool,
    /// Lines that were dropped and that no line has told of.
    untold: AtomicU64,
    counts: Arc<LogCounts>,
}

#[derive(Debug, Default)]
struct State {
    full: VecDeque<Block>,
    empty: Vec<Block>,
    /// Blocks that may still be made.
    unmade: usize,
    reopen: bool,
    /// No other block comes.
    closed: bool,
    is_resting: bool,
    has_ended: bool,
}

impl Handover {
    /// With no more than this many blocks.
    pub(super) fn new(blocks: usize, counts: Arc<LogCounts>) -> Self {
        Self {
            state: Mutex::new(State { unmade: blocks, ..State::default() }),
            filled: Condvar::new(),
            written: Condvar::new(),
            has_room: AtomicBool::new(blocks > 0),
            untold: AtomicU64::new(0),
            counts,
        }
    }

    pub(super) fn counts(&self) -> &LogCounts {
        &self.counts
    }

    // The workers' side.

    /// An empty block, if there is one.
    pub(super) fn take_empty(&self) -> Option<Block> {
        if !self.has_room.load(Relaxed) {
            return None;
        }
        self.empty_one(&mut self.state.lock())
    }

    /// Hands a block over, and gets an empty one if there is one.
    pub(super) fn exchange(&self, block: Block) -> Option<Block> {
        let mut state = self.hand_over_locked(block);
        self.empty_one(&mut state)
    }

    /// Hands a block over.
    pub(super) fn hand_over(&self, block: Block) {
        drop(self.hand_over_locked(block));
    }

    /// A line is dropped, for want of an empty block.
    pub(super) fn drop_line(&self) {
        self.counts.count_overflow();
        self.untold.fetch_add(1, Relaxed);
    }

    fn hand_over_locked(&self, block: Block) -> MutexGuard<'_, State> {
        self.counts.count_buffered(block.text.len());
        let mut state = self.state.lock();
        state.full.push_back(block);
        if state.is_resting {
            self.filled.notify_one();
        }
        state
    }

    fn empty_one(&self, state: &mut State) -> Option<Block> {
        if let Some(block) = state.empty.pop() {
            return Some(block);
        }
        if state.unmade == 0 {
            self.has_room.store(false, Relaxed);
            return None;
        }
        state.unmade -= 1;
        Some(Block::new())
    }

    // What others ask for.

    /// The output is to be opened anew.
    pub(super) fn reopen(&self) {
        self.state.lock().reopen = true;
        self.filled.notify_one();
    }

    /// No other block comes; the writer ends once it has written all there are.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_one();
    }

    /// Waits until the writer has ended, or for so long.
    pub(super) fn wait_for_end(&self, at_most: Duration) {
        self.written.wait_while_for(&mut self.state.lock(), |state| !state.has_ended, at_most);
    }

    // The writer's side.

    /// What to do next, which is waited for if `may_rest`.
    pub(super) fn next(&self, may_rest: bool) -> Task {
        let mut state = self.state.lock();
        let is_idle = |state: &mut State| state.full.is_empty() && !state.reopen && !state.closed;
        if is_idle(&mut state) {
            if !may_rest {
                return Task::Rest;
            }
            state.is_resting = true;
            self.filled.wait_while(&mut state, is_idle);
            state.is_resting = false;
        }
        if std::mem::take(&mut state.reopen) {
            return Task::Reopen;
        }
        match state.full.pop_front() {
            Some(block) => Task::Write(block),
            None => Task::End,
        }
    }

    /// A block is written, or lost.
    pub(super) fn give_back(&self, mut block: Block) {
        block.clear();
        self.state.lock().empty.push(block);
        self.has_room.store(true, Relaxed);
    }

    /// The writer has ended.
    pub(super) fn end(&self) {
        self.state.lock().has_ended = true;
        self.written.notify_all();
    }

    /// Takes the number of dropped lines that no line has told of.
    pub(super) fn take_untold(&self) -> u64 {
        if self.untold.load(Relaxed) == 0 { 0 } else { self.untold.swap(0, Relaxed) }
    }

    /// These lines are lost as well.
    pub(super) fn add_untold(&self, lines: u64) {
        self.untold.fetch_add(lines, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(handover: &Handover) -> String {
        let Task::Write(block) = handover.next(false) else { panic!("nothing was handed over") };
        let text = String::from_utf8(block.text.clone()).unwrap();
        handover.give_back(block);
        text
    }

    #[test]
    fn blocks_come_in_order_and_go_round() {
        let handover = Handover::new(2, Arc::default());
        let mut first = handover.take_empty().expect("room");
        first.text.extend_from_slice(b"first\n");
        let mut second = handover.exchange(first).expect("room");
        second.text.extend_from_slice(b"second\n");
        assert!(handover.exchange(second).is_none(), "two blocks are all there are");
        assert!(handover.take_empty().is_none());
        assert_eq!(handover.counts().buffered_bytes(), 13);
        assert_eq!(written(&handover), "first\n");
        let third = handover.take_empty().expect("the one that was written");
        assert_eq!((third.text.len(), third.text.capacity()), (0, BLOCK));
        assert!(handover.take_empty().is_none());
        assert_eq!(written(&handover), "second\n");
        assert!(matches!(handover.next(false), Task::Rest));
        handover.close();
        assert!(matches!(handover.next(true), Task::End));
    }

    #[test]
    fn a_larger_block_gives_its_memory_back() {
        let handover = Handover::new(1, Arc::default());
        let mut block = handover.take_empty().expect("room");
        block.text.resize(10 * BLOCK, b'x');
        handover.give_back(block);
        assert!(handover.take_empty().expect("room").text.capacity() < 2 * BLOCK);
    }

    #[test]
    fn the_writer_wakes_for_each_thing_that_it_is_told() {
        let handover = Handover::new(1, Arc::default());
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| {
                let mut seen = Vec::new();
                loop {
                    match handover.next(true) {
                        Task::Write(block) => {
                            seen.push("write");
                            handover.give_back(block);
                        }
                        Task::Reopen => seen.push("reopen"),
                        Task::Rest => unreachable!("it may rest"),
                        Task::End => break,
                    }
                }
                handover.end();
                seen
            });
            let block = handover.take_empty().expect("room");
            handover.hand_over(block);
            handover.reopen();
            handover.close();
            handover.wait_for_end(Duration::from_secs(60));
            let mut seen = writer.join().expect("no panic");
            seen.sort_unstable();
            assert_eq!(seen, ["reopen", "write"]);
        });
    }
}
