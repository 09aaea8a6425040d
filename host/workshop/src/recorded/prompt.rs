//! What a model server was asked.

/// A prompt, and how long its answer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedPrompt {
    /// Blocks of 512 tokens; prompts that begin alike begin with the same ones.
    pub(crate) blocks: Box<[u64]>,
    /// Its length.
    pub(crate) tokens: u64,
    /// That of the answer.
    pub(crate) output: u64,
}
