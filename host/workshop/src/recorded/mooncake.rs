//! Traces of prompts, as Mooncake's are published: a line of JSON for each request, with the blocks that its prompt consists of.

use serde::Deserialize;

use super::line::{Kind, Line, Skipped, Written};
use super::prompt::RecordedPrompt;

/// A request of a trace.
#[derive(Deserialize)]
struct Traced {
    /// ms, from any beginning.
    timestamp: f64,
    /// Tokens.
    input_length: u64,
    output_length: u64,
    /// Each of 512 tokens: prompts that begin alike begin with the same ones.
    hash_ids: Vec<u64>,
}

/// Whether a line is of a trace.
pub(super) fn is_traced(text: &str) -> bool {
    text.contains("\"hash_ids\"")
}

/// Reads one; the first `prefix` blocks are told to policies.
pub(super) fn read(text: &str, prefix: usize) -> Result<Line, Skipped> {
    let traced: Traced = serde_json::from_str(text).map_err(|error| Skipped::Json(error.to_string()))?;
    let Traced { timestamp, input_length, output_length, hash_ids } = traced;
    if !(0.0..=1e15).contains(&timestamp) {
        return Err(Skipped::Wrong("timestamp", timestamp.to_string(), "a number from 0 on"));
    }
    let first: Vec<String> = hash_ids.iter().take(prefix).map(u64::to_string).collect();
    let kind = Kind { method: "POST".to_owned(), prefix: first.join(","), ..Kind::default() };
    let prompt =
        RecordedPrompt { blocks: hash_ids.into(), tokens: input_length, output: output_length.max(1) };
    let written = Written::begun((timestamp * 1e3).round() as i64);
    Ok(Line { written, work: 0, kind, is_sampled: false, prompt: Some(prompt) })
}
