//! What a model server is asked to read and to write.

use crate::recorded::RecordedPrompt;
use crate::spec::{self, BLOCK};

use super::random::Stream;

/// A prompt, and how long its answer is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prompt {
    /// Its whole blocks in order; prompts that begin alike begin with the same ones.
    pub(super) blocks: Vec<u64>,
    /// Tokens of a block.
    pub(super) block: u64,
    /// Its length.
    pub(super) tokens: u64,
    /// That of the answer.
    pub(super) output: f64,
}

impl Prompt {
    /// Makes it one of a key. `number` is that of the request: nobody else has its own blocks.
    pub(super) fn make(&mut self, spec: &spec::Prompt, key: u32, number: u64, answers: &mut Stream) {
        /// Blocks of a prompt's own have the upper half of the numbers.
        const OWN: u64 = 1 << 63;
        let shared = spec.shared / BLOCK;
        (self.tokens, self.block) = (spec.shared + spec.own, BLOCK);
        // A block that isn't shared as a whole isn't shared at all.
        let own = self.tokens / BLOCK - shared;
        self.blocks.clear();
        self.blocks.extend((0..shared).map(|block| u64::from(key) << 24 | block));
        self.blocks.extend((0..own).map(|block| OWN | number << 24 | block));
        self.output = 1.0 + answers.exponential(spec.output - 1.0);
    }

    /// Makes it one that came once.
    pub(super) fn make_again(&mut self, recorded: &RecordedPrompt, block: u64) {
        self.block = block;
        self.blocks.clear();
        self.blocks.extend_from_slice(&recorded.blocks);
        self.tokens = recorded.tokens;
        self.output = recorded.output as f64;
    }
}
