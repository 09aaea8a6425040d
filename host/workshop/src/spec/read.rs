//! From a file to a spec that can be run.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::check::{self, Fault};
use super::error::SpecError;
use super::model::Spec;
use super::policy::{Loaded, PolicySpec, ReadFile};

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
) -> Result<(Spec, Vec<Loaded>), SpecError> {
    let fault = |message: String| SpecError { file: path.into(), line: None, key: String::new(), message };
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
) -> Result<(Spec, Vec<Loaded>), SpecError> {
    let error =
        |line, key: &str, message| SpecError { file: path.into(), line, key: key.to_owned(), message };
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

/// The line of a place in a text, from 1.
fn line_at(text: &str, place: usize) -> usize {
    text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}

/// The line of a key in a section, or of the section if it isn't there; in the whole text without a section.
fn line_of(text: &str, section: Option<Range<usize>>, key: &str) -> usize {
    let begin = section.as_ref().map_or(0, |span| span.start);
    let end = section.as_ref().map_or(text.len(), |span| span.end.max(begin));
    // What a section spans may be its heading alone: its keys follow, up to the next heading.
    let rest = text.get(end..).unwrap_or_default();
    let keys = rest.find("\n[").map_or(text.len(), |next| end + next);
    let within = text.get(begin..keys).unwrap_or_default();
    let has_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let offset = within.lines().position(has_key).filter(|_| !key.is_empty()).unwrap_or(0);
    line_at(text, begin) + offset
}
