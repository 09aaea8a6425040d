//! Requests of an access log, which come again in a simulation.

mod columns;
mod combined;
mod json;
mod line;
mod mooncake;
mod prompt;

use std::collections::{HashMap, HashSet};

use pointsman_core::request::RequestHead;

use crate::mean_work::MeanWork;
use line::{Kind, Line, Skipped, Written};
pub(crate) use prompt::{PromptForm, RecordedPrompt};

/// How files of gzip, zstd, xz and bzip2 begin.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh9"];

/// Lines that are shown of those that were skipped.
const SHOWN: usize = 5;

/// What was recorded.
#[derive(Debug, Default)]
pub struct Recorded {
    /// In the order of their times.
    pub(crate) requests: Vec<RecordedRequest>,
    /// What they look like; many look the same.
    pub(crate) heads: Vec<RequestHead>,
    /// What model servers are to read and to write, of all requests or of none.
    pub(crate) prompts: Vec<RecordedPrompt>,
    /// Tokens of their blocks.
    pub(crate) block: u64,
    /// How many lines have no request that can come again.
    pub skipped: usize,
    /// The first of these by number, from 1, and what is wrong with them.
    pub first_skipped: Vec<(usize, String)>,
    /// How many of the requests are of a log that has only a share of them (`sample_rate`).
    pub sampled: usize,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedRequest {
    /// After the first one, µs.
    pub(crate) at: u64,
    /// How long its backend took, µs.
    pub(crate) work: u64,
    /// Its place in `heads`.
    pub(crate) head: u32,
    /// Its place in `prompts`, if requests have some.
    pub(crate) prompt: u32,
}

impl Recorded {
    /// Reads a log. A file of CSV is known by its first line, which names the columns; of others each line is JSON or in the combined format.
    ///
    /// # Errors
    ///
    /// If no request of it can come again.
    pub(crate) fn read(log: &[u8], form: PromptForm) -> Result<Self, String> {
        let log = log.strip_prefix(b"\xef\xbb\xbf").unwrap_or(log);
        let mut recorded = Self { block: form.block, ..Self::default() };
        let (mut kinds, mut kept) = (HashMap::new(), Vec::new());
        let lines: &mut dyn Iterator<Item = _> =
            if columns::are_named(log) { &mut columns::lines(log)? } else { &mut lines(log, form) };
        for (number, line) in lines {
            let line = line.and_then(|Line { written, work, kind, is_sampled, prompt }| {
                let head = recorded.head(kind, &mut kinds)?;
                recorded.sampled += usize::from(is_sampled);
                let place = recorded.prompts.len() as u32;
                recorded.prompts.extend(prompt);
                Ok(Kept { written, work, head, prompt: place })
            });
            match line {
                Ok(line) => kept.push(line),
                Err(reason) => recorded.skip(number, &reason),
            }
        }
        if !recorded.prompts.is_empty() && recorded.prompts.len() < kept.len() {
            return Err("some of its lines have prompts (`hash_ids`), and some have none".to_owned());
        }
        recorded.requests = in_order(kept);
        if recorded.requests.is_empty() {
            return Err(match recorded.first_skipped.first() {
                Some((line, reason)) => {
                    format!("it has no request that can come again; line {line}: {reason}")
                }
                None => "it has no line".to_owned(),
            });
        }
        Ok(recorded)
    }

    /// The place of a head like this one.
    fn head(&mut self, kind: Kind, kinds: &mut HashMap<Kind, u32>) -> Result<u32, Skipped> {
        if let Some(known) = kinds.get(&kind) {
            return Ok(*known);
        }
        self.heads.push(kind.head()?);
        let place = self.heads.len() as u32 - 1;
        kinds.insert(kind, place);
        Ok(place)
    }

    fn skip(&mut self, line: usize, reason: &Skipped) {
        self.skipped += 1;
        if self.first_skipped.len() < SHOWN {
            self.first_skipped.push((line, reason.to_string()));
        }
    }

    /// From the first request to the last, µs.
    pub(crate) fn duration(&self) -> u64 {
        self.requests.last().map_or(0, |last| last.at)
    }

    /// Whether requests have prompts, for model servers.
    pub(crate) fn has_prompts(&self) -> bool {
        !self.prompts.is_empty()
    }

    /// Mean work of a request.
    pub(crate) fn mean_work(&self) -> MeanWork {
        let count = self.requests.len().max(1) as f64;
        let work: u64 = self.requests.iter().map(|request| request.work).sum();
        let output: u64 = self.prompts.iter().map(|prompt| prompt.output).sum();
        let tokens: u64 = self.prompts.iter().map(|prompt| prompt.tokens).sum();
        // What came before in any prompt may be kept somewhere.
        let blocks: usize = self.prompts.iter().map(|prompt| prompt.blocks.len()).sum();
        let different: HashSet<u64> =
            self.prompts.iter().flat_map(|prompt| prompt.blocks.iter().copied()).collect();
        let again = (blocks - different.len()) as u64 * self.block;
        MeanWork {
            work: work as f64 / count,
            tokens: tokens as f64 / count,
            unkept_tokens: tokens.saturating_sub(again) as f64 / count,
            output_tokens: output as f64 / count,
        }
    }
}

/// The lines of a log that isn't CSV, by number from 1.
fn lines(log: &[u8], form: PromptForm) -> impl Iterator<Item = (usize, Result<Line, Skipped>)> {
    let lines = log.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
    lines.map(move |(line, number)| {
        let text = std::str::from_utf8(line).map_err(|_| {
            let is_packed = COMPRESSED.iter().any(|magic| line.starts_with(magic));
            if is_packed { Skipped::Compressed } else { Skipped::Bytes }
        });
        let read = |text: &str| match text.starts_with('{') {
            true if mooncake::is_traced(text) => mooncake::read(text, form),
            true => json::read(text),
            false => combined::read(text),
        };
        (number, text.and_then(|text| read(text.trim_end_matches('\r'))))
    })
}

/// What is kept of a line.
struct Kept {
    written: Written,
    work: u64,
    head: u32,
    prompt: u32,
}

/// Requests in the order of their times, from the first one on. Those of which only the second is known have even parts of it.
fn in_order(mut lines: Vec<Kept>) -> Vec<RecordedRequest> {
    // Stable: of equal times the first line comes first.
    lines.sort_by_key(|line| line.written.at);
    let mut begun = Vec::with_capacity(lines.len());
    for second in lines.chunk_by(|one, other| one.written.at == other.written.at) {
        let share = 1_000_000 / (2 * second.len() as i64);
        for (number, line) in (0..).zip(second) {
            let within = if line.written.is_rounded { (2 * number + 1) * share } else { 0 };
            begun.push((line.written.at + within - line.written.after, line));
        }
    }
    begun.sort_by_key(|(at, _)| *at);
    let first = begun.first().map_or(0, |(at, _)| *at);
    let request = |(at, line): (i64, &Kept)| {
        let Kept { work, head, prompt, .. } = *line;
        RecordedRequest { at: at.abs_diff(first), work, head, prompt }
    };
    begun.into_iter().map(request).collect()
}

#[cfg(test)]
mod tests;
