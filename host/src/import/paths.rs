//! Names of files in the result.

use std::path::{Path, PathBuf};

/// How relative paths are written: as they are, or from where they start, if the result is written elsewhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    pub(super) start: Option<PathBuf>,
}

impl Paths {
    pub(super) fn of(&self, path: &str) -> String {
        match &self.start {
            Some(start) if !Path::new(path).is_absolute() => start.join(path).display().to_string(),
            _ => path.to_owned(),
        }
    }
}
