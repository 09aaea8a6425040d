//! Traces of prompts, as Mooncake's are published: a line of JSON for each request, with the blocks that its prompt consists of.

use serde::Deserialize;

use super::json::fault;
use super::line::{Kind, Line, Skipped, Written};
use super::prompt::{PromptForm, RecordedPrompt};

/// Most tokens of a prompt, and of an answer.
const TOKENS: f64 = 10_000_000.0;

/// Latest time, ms: 30,000 years.
const LATEST: f64 = 1e15;

/// A request of a trace. Whole numbers may be written as 12.0.
#[derive(Deserialize)]
struct Traced {
    /// ms, from any beginning.
    timestamp: f64,
    /// Tokens.
    input_length: f64,
    output_length: f64,
    /// Prompts that begin alike begin with the same ones.
    hash_ids: Vec<u64>,
}

/// Whether a line is of a trace.
pub(super) fn is_traced(text: &str) -> bool {
    text.contains("\"hash_ids\"") || text.contains("\"input_length\"")
}

/// Reads one.
pub(super) fn read(text: &str, form: PromptForm) -> Result<Line, Skipped> {
    let traced: Traced = serde_json::from_str(text).map_err(|error| fault(&error))?;
    let timestamp = within("timestamp", traced.timestamp, LATEST, "a number from 0 to 1e15")?;
    let tokens = whole("input_length", traced.input_length)?;
    let output = whole("output_length", traced.output_length)?;
    let (found, least, most) =
        (traced.hash_ids.len() as u64, tokens / form.block, tokens.div_ceil(form.block));
    if found < least || found > most {
        return Err(Skipped::Blocks { found, tokens, block: form.block, expected: most });
    }
    let first: Vec<String> = traced.hash_ids.iter().take(form.prefix).map(u64::to_string).collect();
    let kind = Kind { method: "POST".to_owned(), prefix: first.join(","), ..Kind::default() };
    // The last one is none of its own unless it is whole.
    let blocks = traced.hash_ids.iter().copied().take(least as usize).collect();
    let prompt = RecordedPrompt { blocks, tokens, output: output.max(1) };
    let written = Written::begun((timestamp * 1e3).round() as i64);
    Ok(Line { written, work: 0, kind, is_sampled: false, prompt: Some(prompt) })
}

fn whole(name: &'static str, number: f64) -> Result<u64, Skipped> {
    let wanted = "a whole number from 0 to 10,000,000";
    let number = within(name, number, TOKENS, wanted)?;
    if number.fract() == 0.0 {
        Ok(number as u64)
    } else {
        Err(Skipped::Wrong(name, number.to_string(), wanted))
    }
}

fn within(name: &'static str, number: f64, most: f64, wanted: &'static str) -> Result<f64, Skipped> {
    if (0.0..=most).contains(&number) {
        Ok(number)
    } else {
        Err(Skipped::Wrong(name, number.to_string(), wanted))
    }
}
