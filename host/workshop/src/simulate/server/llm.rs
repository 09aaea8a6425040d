//! A server that runs a large language model.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::job::JobId;
use super::super::prompt::Prompt;
use crate::spec::Llm;

/// What such a server has beside its places: prompts to be read, one after the other, and what it keeps of them.
#[derive(Debug)]
pub(super) struct ModelServer {
    pub(super) model: Llm,
    /// Requests without a place.
    waiting: VecDeque<(JobId, Prompt)>,
    /// Requests with a place; the first is being read.
    unread: VecDeque<(JobId, Prompt)>,
    kept: Kept,
    pub(super) read: Tokens,
}

/// Tokens of prompts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Tokens {
    pub(in super::super) all: u64,
    /// Those that were kept from another prompt.
    pub(in super::super) kept: u64,
}

impl ModelServer {
    pub(super) fn new(model: Llm) -> Self {
        let kept = Kept { most: model.blocks as usize, ..Kept::default() };
        let (waiting, unread) = (VecDeque::new(), VecDeque::new());
        Self { model, waiting, unread, kept, read: Tokens::default() }
    }

    /// No place is free.
    pub(super) fn wait(&mut self, job: JobId, prompt: Prompt) {
        self.waiting.push_back((job, prompt));
    }

    pub(super) fn take_waiting(&mut self) -> Option<(JobId, Prompt)> {
        self.waiting.pop_front()
    }

    /// A request has a place; whether its prompt is the next to be read.
    pub(super) fn place(&mut self, job: JobId, prompt: Prompt) -> bool {
        self.unread.push_back((job, prompt));
        self.unread.len() == 1
    }

    /// Begins to read the next prompt; says whose it is and how long that takes at speed 1, µs.
    pub(super) fn begin_to_read(&mut self) -> Option<(JobId, f64)> {
        let (job, prompt) = self.unread.front()?;
        // The last token is always read: the answer goes on from there.
        let kept = self.kept.take(&prompt.blocks) as u64 * prompt.block;
        let kept = kept.min(prompt.tokens.saturating_sub(1));
        self.read.all += prompt.tokens;
        self.read.kept += kept;
        Some((*job, self.model.reads((prompt.tokens - kept) as f64)))
    }

    /// A prompt has been read; says how long its answer is, tokens, and whose it is.
    pub(super) fn has_read(&mut self) -> Option<(f64, JobId)> {
        self.unread.pop_front().map(|(job, prompt)| (prompt.output, job))
    }
}

/// Blocks that are kept: those used last.
#[derive(Debug, Default)]
struct Kept {
    most: usize,
    uses: u64,
    used_at: HashMap<u64, u64>,
    by_use: BTreeMap<u64, u64>,
}

impl Kept {
    /// Uses the blocks of a prompt; returns how many of the first ones, without a gap, were there.
    fn take(&mut self, blocks: &[u64]) -> usize {
        let found = blocks.iter().take_while(|block| self.used_at.contains_key(block)).count();
        // From the last one on, so that beginnings are kept for longer than what follows them.
        for block in blocks.iter().rev() {
            self.uses += 1;
            if let Some(before) = self.used_at.insert(*block, self.uses) {
                self.by_use.remove(&before);
            }
            self.by_use.insert(self.uses, *block);
        }
        while self.by_use.len() > self.most {
            if let Some((_, block)) = self.by_use.pop_first() {
                self.used_at.remove(&block);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept_from_its_beginning() {
        let mut kept = Kept { most: 4, ..Kept::default() };
        assert_eq!(kept.take(&[1, 2, 3]), 0);
        assert_eq!(kept.take(&[1, 2, 9]), 2, "3 is left, and 9 came");
        assert_eq!(kept.take(&[1, 2, 3]), 3);
        // 9 and the end of the others go.
        assert_eq!(kept.take(&[7, 8]), 0);
        assert_eq!(kept.take(&[1, 2, 3]), 2);
        let mut none = Kept::default();
        assert_eq!([none.take(&[1]), none.take(&[1])], [0, 0]);
    }
}
