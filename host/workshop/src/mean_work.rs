//! How much work requests are.

/// How much work a request is in the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeanWork {
    /// Time of a backend of speed 1, µs.
    pub(crate) work: f64,
    /// Tokens of its prompt.
    pub(crate) tokens: f64,
    /// Those that no model server can have kept.
    pub(crate) unkept_tokens: f64,
    /// Tokens of its answer.
    pub(crate) output_tokens: f64,
}
