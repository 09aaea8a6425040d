//! What is wrong with a file.

use std::fmt;
use std::path::PathBuf;

/// A fault: `FILE:LINE: KEY: what is wrong, and what to write`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file as it was named.
    pub file: PathBuf,
    /// Line in the file, from 1; none if no line is to blame.
    pub line: Option<usize>,
    /// The key, such as `load.rate`; empty if the message names it.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for FileError {}
