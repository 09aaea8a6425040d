//! What can be wrong with the files of a listener's TLS.

use std::fmt::Display;

/// A fault of a listener's TLS that shows when its files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFault {
    /// The key within `listener.tls`; empty if it is the section as a whole.
    pub key: String,
    /// Its line in the configuration file; none if it is the section as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl TlsFault {
    /// Of the section as a whole.
    pub(super) fn of_section(error: &impl Display) -> Self {
        Self { key: String::new(), line: None, message: error.to_string(), hint: String::new() }
    }
}
