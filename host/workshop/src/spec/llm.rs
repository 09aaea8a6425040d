//! Backends that run a large language model.

use serde::Deserialize;

use crate::time_span::TimeSpan;

/// Tokens of a block, by which the beginnings of prompts are kept: as in the traces of Mooncake.
pub(crate) const BLOCK: u64 = 512;

/// How a model server works: it reads prompts one after the other, each but for what it has kept of one that began alike, and writes the answers to
/// those that it has read token by token, one beside the other. `{ llm = { } }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Llm {
    /// Time for 1,000 tokens of a prompt that it hasn't kept. `prefill`, `"100ms"`.
    pub prefill: TimeSpan,
    /// Time for a token of an answer, alone. `decode`, `"20ms"`.
    pub decode: TimeSpan,
    /// How much longer that takes for each other answer that is being written. `beside`, `"300us"`.
    pub beside: TimeSpan,
    /// Blocks of 512 tokens, or of what a trace has, that it keeps of prompts, 0 to 1,000,000: those used last. `blocks`, 2,000.
    pub blocks: u32,
}

impl Default for Llm {
    fn default() -> Self {
        Self { prefill: TimeSpan(100_000), decode: TimeSpan(20_000), beside: TimeSpan(300), blocks: 2_000 }
    }
}

impl Llm {
    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Self { decode: TimeSpan(0), .. } => Some("a `decode` of at least \"1us\""),
            Self { blocks, .. } if *blocks > 1_000_000 => Some("0 to 1,000,000 `blocks`"),
            _ => None,
        }
    }

    /// Time to read so many tokens, µs.
    pub(crate) fn reads(&self, tokens: f64) -> f64 {
        self.prefill.0 as f64 * tokens / 1_000.0
    }

    /// Tokens of each answer that are written in a microsecond if so many answers are.
    pub(crate) fn writes(&self, answers: usize) -> f64 {
        let others = answers.saturating_sub(1) as f64;
        1.0 / (self.decode.0 as f64 + self.beside.0 as f64 * others)
    }
}

/// Prompts of requests of one key, which begin alike, and their answers. `[load.prompt]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Tokens that all prompts of one key begin with, 0 to 10,000,000; whole blocks of 512 are kept. `shared`, 0.
    #[serde(default)]
    pub shared: u64,
    /// Tokens that are each prompt's own, 0 to 10,000,000. `own`, 500.
    #[serde(default = "five_hundred")]
    pub own: u64,
    /// Mean number of tokens of an answer, 1 to 1,000,000: one, and exponentially more. `output`, 200.
    #[serde(default = "two_hundred")]
    pub output: f64,
}

impl Prompt {
    /// Tokens that no server can have kept: all but whole blocks of what is shared.
    pub(super) fn unkept(&self) -> u64 {
        self.own + self.shared % BLOCK
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        const MOST: u64 = 10_000_000;
        match self {
            Self { shared, own, .. } if *shared > MOST || *own > MOST => {
                Some("`shared` and `own` are 0 to 10,000,000 tokens each")
            }
            Self { output, .. } if !(1.0..=1e6).contains(output) => {
                Some("an `output` of 1 to 1,000,000 tokens")
            }
            _ => None,
        }
    }
}

fn five_hundred() -> u64 {
    500
}

fn two_hundred() -> f64 {
    200.0
}
