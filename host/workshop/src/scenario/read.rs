//! From a file to a scenario that can be run.

use std::path::Path;

use super::check;
use super::model::Scenario;
use crate::file_error::FileError;
use crate::toml_file::{self, ReadFile, TomlFile};

/// Reads a scenario.
///
/// # Errors
///
/// The first fault, with its line.
pub fn load(path: &Path, read: ReadFile<'_>) -> Result<Scenario, FileError> {
    parse(&toml_file::text(path, read)?, path)
}

/// Reads a scenario from a text; `path` is where it came from.
///
/// # Errors
///
/// The first fault, with its line.
pub fn parse(text: &str, path: &Path) -> Result<Scenario, FileError> {
    let file = TomlFile { text, path };
    let mut scenario: Scenario = file.parse()?;
    check::check(&scenario).map_err(|fault| file.fault(fault))?;
    scenario.lines = scenario.steps.iter().map(|step| file.line_at(step.span().start)).collect();
    scenario.name.get_or_insert_with(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    Ok(scenario)
}
