//! From a file to a scenario that can be run.

use std::path::Path;

use crate::file_error::FileError;
use crate::lines::{line_at, line_of};
use crate::spec::ReadFile;

use super::check::{self, Fault};
use super::model::Scenario;

/// Largest scenario, bytes.
const BYTES: usize = 1 << 20;

/// Reads a scenario.
///
/// # Errors
///
/// The first fault, with its line.
pub fn load(path: &Path, read: ReadFile<'_>) -> Result<Scenario, FileError> {
    let fault = |message: String| FileError { file: path.into(), line: None, key: String::new(), message };
    let content = read(path, BYTES).map_err(|error| fault(format!("cannot read it: {error}")))?;
    let text = String::from_utf8(content).map_err(|error| fault(format!("is no text: {error}")))?;
    parse(&text, path)
}

/// Reads a scenario from a text; `path` is where it came from.
///
/// # Errors
///
/// The first fault, with its line.
pub fn parse(text: &str, path: &Path) -> Result<Scenario, FileError> {
    let error =
        |line, key: &str, message| FileError { file: path.into(), line, key: key.to_owned(), message };
    let mut scenario: Scenario = toml::from_str(text).map_err(|fault| {
        let line = fault.span().map(|span| line_at(text, span.start));
        error(line, "", fault.message().to_owned())
    })?;
    check::check(&scenario).map_err(|Fault { span, key, message }| {
        error(Some(line_of(text, span, key.rsplit('.').next().unwrap_or(key))), key, message)
    })?;
    for step in &mut scenario.steps {
        // A failure names the line, and a file isn't read again for that.
        let line = line_at(text, step.span().start);
        *step = toml::Spanned::new(line..line, step.get_ref().clone());
    }
    scenario.name.get_or_insert_with(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    Ok(scenario)
}
