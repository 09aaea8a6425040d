//! The configuration file as text, and the faults found in it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::super::error::{ConfigError, ConfigErrors};
use super::super::units::SIZE;

/// Largest configuration file, so that `--config /dev/zero` ends.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The text of a configuration file, which `open` opens.
pub(in crate::config) fn text(
    file: &Path,
    open: impl FnOnce(&Path) -> std::io::Result<File>,
) -> Result<String, ConfigError> {
    let error = |line, message: String, hint: &str| ConfigError {
        file: file.to_owned(),
        line,
        key: String::new(),
        message,
        hint: hint.to_owned(),
    };
    let mut bytes = Vec::new();
    let read = open(file).and_then(|open| open.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => {
            error(None, "there is no such file".into(), "create it, or name another one with `--config FILE`")
        }
        ErrorKind::IsADirectory => {
            error(None, "is a directory".into(), "name the file in it with `--config FILE`")
        }
        ErrorKind::InvalidInput => error(
            None,
            "is no longer a regular file".into(),
            "put a file there, or start anew: only a start reads from a pipe",
        ),
        ErrorKind::PermissionDenied => error(
            None,
            "may not be read".into(),
            "let the user that runs pointsman read it, or use `--config FILE`",
        ),
        _ => error(None, format!("cannot be read: {cause}"), "name a readable file with `--config FILE`"),
    })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!("is larger than {}", SIZE.show(MAX_FILE_BYTES));
        return Err(error(None, message, "name a configuration file with `--config FILE`"));
    }
    String::from_utf8(bytes).map_err(|cause| {
        let valid = cause.as_bytes().iter().take(cause.utf8_error().valid_up_to());
        let line = valid.filter(|byte| **byte == b'\n').count() + 1;
        error(
            Some(line),
            "is not UTF-8 text".into(),
            "save the file in UTF-8, or name a text file with `--config FILE`",
        )
    })
}

/// The file that is being read, and its faults so far.
#[derive(Debug)]
pub(in crate::config) struct Source<'a> {
    file: &'a Path,
    text: &'a str,
    /// Where the lines end, so that a file of nothing but faults takes no longer than another.
    line_ends: Vec<usize>,
    errors: RefCell<Vec<ConfigError>>,
    /// What should be known although it can be used.
    warnings: RefCell<Vec<ConfigError>>,
}

impl<'a> Source<'a> {
    pub(in crate::config) fn new(file: &'a Path, text: &'a str) -> Self {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { file, text, line_ends, errors: RefCell::default(), warnings: RefCell::default() }
    }

    /// The folder that relative paths start from.
    pub(in crate::config) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new(""))
    }

    /// The file's tables, or none if the file isn't TOML. A broken file isn't read any further: what is missing in
    /// it would be reported as missing.
    pub(in crate::config) fn parse(&self) -> Option<DeValue<'a>> {
        let (root, mut errors) = DeTable::parse_recoverable(self.text);
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        // The parser finds its way back at the next line at the soonest: what it says of the rest is noise.
        errors.dedup_by_key(|error| error.span().map(|span| self.line(span.start)));
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let written = self.text.get(span.clone()).unwrap_or_default();
            let (message, hint) = match error.message() {
                message if message.starts_with("string values must be quoted") => unquoted(written),
                // An IP address without quotes is a number to the parser until its second dot, where the span begins.
                message if message.starts_with("invalid float") => {
                    let before = self.text.get(..span.start).unwrap_or_default();
                    let start = before
                        .rfind(|c: char| c.is_whitespace() || "=[{,".contains(c))
                        .map_or(0, |at| at + 1);
                    unquoted(self.text.get(start..span.end).unwrap_or(written))
                }
                "duplicate key" => {
                    let message = format!("`{}` stands here a second time", excerpt(written));
                    (message, "keep one of them (a section that repeats has double brackets)".to_owned())
                }
                message => (format!("not TOML: {message}"), String::new()),
            };
            self.fail(Some(span.start), "", message, hint);
        }
        errors.is_empty().then(|| DeValue::Table(root.into_inner()))
    }

    /// The result with the warnings, if there was no fault.
    pub(in crate::config) fn finish<T>(
        self,
        result: Option<T>,
    ) -> Result<(T, Vec<ConfigError>), ConfigErrors> {
        let errors = self.errors.into_inner();
        match result {
            Some(result) if errors.is_empty() => Ok((result, self.warnings.into_inner())),
            _ => Err(ConfigErrors::new(errors)),
        }
    }

    /// Line of a byte, from 1.
    pub(in crate::config) fn line(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }

    /// Records a fault.
    pub(in crate::config) fn fail(
        &self,
        at: Option<usize>,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors.borrow_mut().push(self.error(at, key, message, hint));
    }

    /// Records what should be known although it can be used.
    pub(in crate::config) fn warn(
        &self,
        at: Option<usize>,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.warnings.borrow_mut().push(self.error(at, key, message, hint));
    }

    fn error(
        &self,
        at: Option<usize>,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: at.map(|at| self.line(at)),
            key: key.to_owned(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// What is wrong with a value that is a bare word, and what was meant.
fn unquoted(word: &str) -> (String, String) {
    let word = excerpt(word);
    let hint = match word.to_ascii_lowercase().as_str() {
        "" => return ("there is no value".into(), "write one behind the `=`, a text in quotes".into()),
        "true" | "yes" | "on" => "write `true`".to_owned(),
        "false" | "no" | "off" => "write `false`".to_owned(),
        _ => format!("write `{word:?}`"),
    };
    (format!("`{word}` is no TOML value"), hint)
}

/// What to quote of a text from the file in an error about it.
pub(in crate::config) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
