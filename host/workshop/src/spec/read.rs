//! From a file to a spec that can be run.

use std::path::Path;

use toml::Spanned;

use crate::lines::{line_at, line_of};

use super::check::{self, Fault};
use super::model::Spec;
use super::policy::{Loaded, PolicySpec, ReadFile};
use crate::file_error::FileError;

/// Largest spec, bytes.
const BYTES: usize = 1 << 20;

/// Reads a spec, and the plugins that it names; these policies are in the place of its own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn load(
    path: &Path,
    policies: Vec<PolicySpec>,
    read: ReadFile<'_>,
) -> Result<(Spec, Vec<Loaded>), FileError> {
    let fault = |message: String| FileError { file: path.into(), line: None, key: String::new(), message };
    let content = read(path, BYTES).map_err(|error| fault(format!("cannot read it: {error}")))?;
    let text = String::from_utf8(content).map_err(|error| fault(format!("is no text: {error}")))?;
    parse(&text, path, policies, read)
}

/// Reads a spec from a text; `path` is where it came from, for messages and for the plugins' files. These policies are in the place of its
/// own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn parse(
    text: &str,
    path: &Path,
    policies: Vec<PolicySpec>,
    read: ReadFile<'_>,
) -> Result<(Spec, Vec<Loaded>), FileError> {
    let error =
        |line, key: &str, message| FileError { file: path.into(), line, key: key.to_owned(), message };
    let mut spec: Spec = toml::from_str(text).map_err(|fault| {
        let line = fault.span().map(|span| line_at(text, span.start));
        error(line, "", fault.message().to_owned())
    })?;
    if !policies.is_empty() {
        spec.policies = policies.into_iter().map(|policy| Spanned::new(0..0, policy)).collect();
    }
    check::check(&spec).map_err(|Fault { section, span, key, message }| {
        let line = Some(line_of(text, span, key));
        let key = [section, key].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        error(line, &key, message)
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut loaded = Vec::new();
    for policy in &spec.policies {
        let line = Some(line_of(text, Some(policy.span()), "file"));
        loaded.push(policy.get_ref().load(folder, read).map_err(|message| error(line, "policy", message))?);
    }
    Ok((spec, loaded))
}
