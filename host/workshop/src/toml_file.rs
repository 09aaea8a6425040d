//! TOML files of authors: reading them, and saying where something in them is wrong.

use std::io;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::file_error::FileError;

/// Reads a file of at most so many bytes.
pub type ReadFile<'a> = &'a dyn Fn(&Path, usize) -> io::Result<Vec<u8>>;

/// Largest file, bytes.
const BYTES: usize = 1 << 20;

/// The text of a file.
pub(crate) fn text(path: &Path, read: ReadFile<'_>) -> Result<String, FileError> {
    let fault = |message: String| FileError { file: path.into(), line: None, key: String::new(), message };
    let content = read(path, BYTES).map_err(|error| fault(format!("cannot read it: {error}")))?;
    String::from_utf8(content).map_err(|error| fault(format!("is no text: {error}")))
}

/// A text, and where it came from.
#[derive(Clone, Copy)]
pub(crate) struct TomlFile<'a> {
    pub(crate) text: &'a str,
    pub(crate) path: &'a Path,
}

/// What is wrong, and where.
pub(crate) struct Fault {
    /// Where the section stands; none = in the whole file.
    pub(crate) span: Option<Range<usize>>,
    /// The key with its sections.
    pub(crate) key: String,
    pub(crate) message: String,
}

impl TomlFile<'_> {
    /// What the text says.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, FileError> {
        toml::from_str(self.text).map_err(|fault: toml::de::Error| {
            let place = fault.span().map(|span| span.start);
            let key = place.and_then(|place| self.key_of_value(place)).unwrap_or_default();
            self.error(place.map(|place| self.line_at(place)), &key, fault.message().to_owned())
        })
    }

    /// A fault with its line.
    pub(crate) fn fault(self, Fault { span, key, message }: Fault) -> FileError {
        self.fault_at(span, key.rsplit('.').next().unwrap_or(&key), &key, message)
    }

    /// A fault of a section with the line of another key of it, `at`.
    pub(crate) fn fault_at(
        self,
        section: Option<Range<usize>>,
        at: &str,
        key: &str,
        message: String,
    ) -> FileError {
        self.error(Some(self.line_of(section, at)), key, message)
    }

    /// The line of a place in the text, from 1.
    pub(crate) fn line_at(self, place: usize) -> usize {
        self.text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
    }

    /// The key, with its section, of the value that stands at this place; none if a key does, which messages name.
    fn key_of_value(self, place: usize) -> Option<String> {
        let before = self.text.get(..place)?;
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let (key, _) = before.get(line..)?.split_once('=')?;
        let heading = before.lines().rev().find(|line| line.starts_with('['));
        let section = heading.map(|heading| heading.trim_matches(['[', ']', ' ']));
        let parts = section.into_iter().chain([key.trim()]);
        Some(parts.collect::<Vec<_>>().join("."))
    }

    fn error(self, line: Option<usize>, key: &str, message: String) -> FileError {
        FileError { file: self.path.into(), line, key: key.to_owned(), message }
    }

    /// The line of a key in a section, or of the section if it isn't there; in the whole text without a section.
    fn line_of(self, section: Option<Range<usize>>, key: &str) -> usize {
        let begin = section.as_ref().map_or(0, |span| span.start);
        let end = section.as_ref().map_or(self.text.len(), |span| span.end.max(begin));
        // What a section spans may be its heading alone: its keys follow, up to the next heading.
        let rest = self.text.get(end..).unwrap_or_default();
        let keys = rest.find("\n[").map_or(self.text.len(), |next| end + next);
        let within = self.text.get(begin..keys).unwrap_or_default();
        let has_key = |line: &str| {
            line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        self.line_at(begin) + within.lines().position(has_key).unwrap_or(0)
    }
}
