//! The faults of a configuration, in words that an operator can act on.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use pointsman_core::printable::Escape;

/// Longest fault, bytes: what is quoted in it is short, but a list of files and keys may not be.
const FAULT_BYTES: usize = 16 << 10;

/// One fault: `file:line: key: message; hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as it was named.
    pub file: PathBuf,
    /// Line in the file, from 1; none if no line is to blame, such as for a section that isn't there.
    pub line: Option<usize>,
    /// The key with all its sections, such as `pool.api.backends[1].weight`; empty if no key is to blame.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead; empty if the message says it already.
    pub hint: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, message, hint } = self;
        // Whatever the file quoted in it holds, a fault is one line.
        let mut f = Escape::new(f, FAULT_BYTES);
        write!(f, "{}", file.display())?;
        if let Some(line) = line {
            write!(f, ":{line}")?;
        }
        if !key.is_empty() {
            write!(f, ": {key}")?;
        }
        write!(f, ": {message}")?;
        if !hint.is_empty() {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Every fault of a configuration in the order of its lines; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| error.line);
        Self(errors)
    }

    /// `Ok` if there are no faults.
    ///
    /// # Errors
    ///
    /// The faults, if there are any.
    pub fn none_or(faults: Vec<ConfigError>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self::new(faults)) }
    }

    /// The faults one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

fn lines(errors: &[ConfigError]) -> String {
    errors.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("\n")
}
