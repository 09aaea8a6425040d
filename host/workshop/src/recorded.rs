//! Requests of an access log, which come again in a simulation.

mod columns;
mod combined;
mod json;
mod line;

use std::collections::HashMap;

use pointsman_core::request::RequestHead;

use line::{Kind, Line, Skipped, Written};

/// Lines that are shown of those that were skipped.
const SHOWN: usize = 5;

/// What was recorded.
#[derive(Debug, Default)]
pub struct Recorded {
    /// In the order of their times.
    pub(crate) requests: Vec<RecordedRequest>,
    /// What they look like; many look the same.
    pub(crate) heads: Vec<RequestHead>,
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
}

impl Recorded {
    /// Reads a log. A file of CSV is known by its first line, which names the columns; of others each line is JSON or in the combined format.
    ///
    /// # Errors
    ///
    /// If no request of it can come again.
    pub(crate) fn read(log: &[u8]) -> Result<Self, String> {
        let log = log.strip_prefix(b"\xef\xbb\xbf").unwrap_or(log);
        let (mut recorded, mut kinds, mut kept) = (Self::default(), HashMap::new(), Vec::new());
        let lines: &mut dyn Iterator<Item = _> =
            if columns::are_named(log) { &mut columns::lines(log)? } else { &mut lines(log) };
        for (number, line) in lines {
            let line = line.and_then(|Line { written, work, kind, is_sampled }| {
                let head = recorded.head(kind, &mut kinds)?;
                recorded.sampled += usize::from(is_sampled);
                Ok((written, work, head))
            });
            match line {
                Ok(line) => kept.push(line),
                Err(reason) => recorded.skip(number, &reason),
            }
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

    /// Mean time that backends took, µs.
    pub(crate) fn mean_work(&self) -> f64 {
        let sum: u64 = self.requests.iter().map(|request| request.work).sum();
        sum as f64 / self.requests.len().max(1) as f64
    }
}

/// The lines of a log that isn't CSV, by number from 1.
fn lines(log: &[u8]) -> impl Iterator<Item = (usize, Result<Line, Skipped>)> {
    let lines = log.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
    lines.map(|(line, number)| {
        let text = std::str::from_utf8(line).map_err(|_| Skipped::Bytes);
        let read = |text: &str| if text.starts_with('{') { json::read(text) } else { combined::read(text) };
        (number, text.and_then(|text| read(text.trim_end_matches('\r'))))
    })
}

/// Requests in the order of their times, from the first one on. Those of which only the second is known have even parts of it.
fn in_order(mut lines: Vec<(Written, u64, u32)>) -> Vec<RecordedRequest> {
    // Stable: of equal times the first line comes first.
    lines.sort_by_key(|(written, ..)| written.at);
    let mut begun = Vec::with_capacity(lines.len());
    for second in lines.chunk_by(|(one, ..), (other, ..)| one.at == other.at) {
        let share = 1_000_000 / (2 * second.len() as i64);
        for (number, (written, work, head)) in (0..).zip(second) {
            let within = if written.is_rounded { (2 * number + 1) * share } else { 0 };
            begun.push((written.at + within - written.after, *work, *head));
        }
    }
    begun.sort_by_key(|(at, ..)| *at);
    let first = begun.first().map_or(0, |(at, ..)| *at);
    begun.into_iter().map(|(at, work, head)| RecordedRequest { at: at.abs_diff(first), work, head }).collect()
}

#[cfg(test)]
mod tests;
