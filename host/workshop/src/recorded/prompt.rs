//! What a model server was asked.

/// A prompt, and how long its answer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedPrompt {
    /// Its whole blocks; prompts that begin alike begin with the same ones.
    pub(crate) blocks: Box<[u64]>,
    /// Its length, tokens.
    pub(crate) tokens: u64,
    /// That of the answer.
    pub(crate) output: u64,
}

/// How prompts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptForm {
    /// Tokens of a block, at least 1.
    pub(crate) block: u64,
    /// How many of the first blocks are told to policies.
    pub(crate) prefix: usize,
}
