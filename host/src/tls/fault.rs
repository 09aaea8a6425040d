//! What can be wrong with the files that TLS is made from.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::pem::{FILE_BYTES, Fault};
use crate::config::NamedFile;
use crate::regular_file;

/// A fault of the TLS of a listener or a pool that shows when its files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFault {
    /// The key within the section; empty if it is the section as a whole.
    pub key: String,
    /// Its line in the configuration file; none if it is the section as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Why a file can't be read, and what to do about it.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> (String, &'static str) {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => (format!("there is no file {path}"), "put it there, or name another one"),
        ErrorKind::PermissionDenied => {
            (format!("{path} may not be read"), "let the user that runs pointsman read it")
        }
        _ => (format!("{path} can't be read: {error}"), "name a readable file"),
    }
}

impl TlsFault {
    /// Of a file that can't be read.
    pub(super) fn unreadable(key: &str, file: &NamedFile, error: &io::Error) -> Self {
        let (message, hint) = unreadable(&file.path, error);
        Self { key: key.to_owned(), line: Some(file.line), message, hint: hint.to_owned() }
    }

    /// Of a file's content.
    pub(super) fn of_content(key: &str, file: &NamedFile, Fault { message, hint }: Fault) -> Self {
        let message = format!("{} {message}", file.path.display());
        Self { key: key.to_owned(), line: Some(file.line), message, hint: hint.to_owned() }
    }

    /// Of the section as a whole.
    pub(super) fn of_section(error: &impl Display) -> Self {
        Self { key: String::new(), line: None, message: error.to_string(), hint: String::new() }
    }
}

/// What a file holds.
pub(super) fn content<T>(
    key: &str,
    file: &NamedFile,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, TlsFault> {
    let text = regular_file::read(&file.path, FILE_BYTES);
    let text = text.map_err(|error| TlsFault::unreadable(key, file, &error))?;
    parse(&text).map_err(|fault| TlsFault::of_content(key, file, fault))
}
