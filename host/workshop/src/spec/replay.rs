//! Requests that come as they once came.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::llm::BLOCK;
use crate::recorded::{PromptForm, Recorded};
use crate::toml_file::ReadFile;

/// Largest log, bytes: all of it is kept, with some 40 bytes for each line.
const BYTES: usize = 1 << 30;

/// An access log whose requests come again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The log, from the folder of the spec: Pointsman's own, as JSON or text; the combined format with the seconds that each request took
    /// behind it; CSV; or a trace of prompts in Mooncake's JSON lines.
    pub file: PathBuf,
    /// How many times as fast as then, 0.001 to 1,000. `speed`, 1.
    #[serde(default = "as_then")]
    pub speed: f64,
    /// Of a trace of prompts, how many of the first blocks of each the header field `x-prefix` names, by which policies can tell those that begin
    /// alike; 0 to 64. `prefix`, 1.
    #[serde(default)]
    pub prefix: Option<usize>,
    /// And how many tokens a block has, 1 to 1,000,000. `block`, 512.
    #[serde(default)]
    pub block: Option<u64>,
    /// What was read.
    #[serde(skip)]
    pub(crate) recorded: Option<Arc<Recorded>>,
}

impl Replay {
    /// Reads the log; `folder` is the spec's.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn read(&mut self, folder: &Path, read: ReadFile<'_>) -> Result<(), String> {
        if self.prefix.is_some_and(|count| count > PREFIX) {
            return Err(format!("a `prefix` of 0 to {PREFIX}"));
        }
        if self.block.is_some_and(|tokens| !(1..=MOST_BLOCK).contains(&tokens)) {
            return Err(format!("a `block` of 1 to {MOST_BLOCK} tokens"));
        }
        let path = folder.join(&self.file);
        let content =
            read(&path, BYTES).map_err(|error| format!("cannot read the log {}: {error}", path.display()))?;
        let recorded = Recorded::read(&content, self.form())
            .map_err(|reason| format!("{}: {reason}", path.display()))?;
        self.recorded = Some(Arc::new(recorded));
        Ok(())
    }

    fn form(&self) -> PromptForm {
        PromptForm { block: self.block.unwrap_or(BLOCK), prefix: self.prefix.unwrap_or(1) }
    }

    /// From the first request to the last, µs; none before it was read.
    pub(super) fn duration(&self) -> Option<u64> {
        Some((self.recorded()?.duration() as f64 / self.speed).round() as u64)
    }

    /// What was read of the log.
    #[must_use]
    pub fn recorded(&self) -> Option<&Recorded> {
        self.recorded.as_deref()
    }

    /// How many requests come in a second; none if they all come at once.
    pub(crate) fn rate(&self) -> Option<f64> {
        let recorded = self.recorded()?;
        let seconds = recorded.duration() as f64 / 1e6 / self.speed;
        (seconds > 0.0).then(|| recorded.requests.len() as f64 / seconds)
    }
}

/// Most blocks in `x-prefix`.
const PREFIX: usize = 64;

/// Most tokens of a block.
const MOST_BLOCK: u64 = 1_000_000;

fn as_then() -> f64 {
    1.0
}
