//! Requests that come as they once came.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::recorded::Recorded;
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
    /// How many of the first blocks of a prompt the header field `x-prefix` names, by which policies can tell those that begin alike; 0 to 64.
    /// `prefix`, 1.
    #[serde(default = "one")]
    pub prefix: usize,
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
        let path = folder.join(&self.file);
        let content =
            read(&path, BYTES).map_err(|error| format!("cannot read the log {}: {error}", path.display()))?;
        let recorded = Recorded::read(&content, self.prefix.min(PREFIX))
            .map_err(|reason| format!("{}: {reason}", path.display()))?;
        self.recorded = Some(Arc::new(recorded));
        Ok(())
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
pub(super) const PREFIX: usize = 64;

fn one() -> usize {
    1
}

fn as_then() -> f64 {
    1.0
}
