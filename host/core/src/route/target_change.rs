//! How a request's path and query become others.

use std::borrow::Cow;

use super::normal_path::{compared, has_dot_segments, pattern};
use super::path_pattern::{PathNormalization, PathPattern};
use super::template::{Part, Template, push_escaped};
use crate::percent::push_escape;

/// Most bytes of a target, as of one that a client sends.
const TARGET_BYTES: usize = 63 << 10;

/// What becomes of a request's path and query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetChange {
    /// The new path; `None` if it stays.
    pub path: Option<PathChange>,
    /// The new query.
    pub query: QueryChange,
}

/// The path that takes the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathChange {
    /// This.
    Whole(Template),
    /// The same with another beginning.
    Prefix(PrefixChange),
}

/// A beginning of paths that is replaced, by whole segments. A path that doesn't begin with it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixChange {
    /// One of these, as they are written. None ends in a slash.
    written: Vec<String>,
    /// The same in the form to compare.
    normal: Vec<String>,
    /// What takes its place. It doesn't end in a slash; empty, nothing does.
    replacement: String,
}

/// The query that takes the place of another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum QueryChange {
    /// It stays.
    #[default]
    Keep,
    /// There is none.
    Drop,
    /// This.
    Set(Template),
    /// This, and what there was after it.
    Add(Template),
}

/// Why a request has no new target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// Its path would lead out of where it is to lead.
    OddPath,
    /// It would be longer than targets may be.
    TooLong,
}

impl PrefixChange {
    /// These beginnings make room for another one.
    #[must_use]
    pub fn new(prefixes: &[String], replacement: &str) -> Self {
        let plain = |path: &str| path.trim_end_matches('/').to_owned();
        let normal = |path: &String| pattern(&PathPattern::Segments(path.clone())).start().to_owned();
        let written: Vec<String> = prefixes.iter().map(|prefix| plain(prefix)).collect();
        Self { normal: written.iter().map(normal).collect(), written, replacement: plain(replacement) }
    }

    /// What a path that begins so begins with afterwards.
    #[must_use]
    pub fn replacement(&self) -> &str {
        &self.replacement
    }

    /// The new path, with room for so many bytes behind it; `None` if it stays.
    fn apply(
        &self,
        path: &[u8],
        normalization: PathNormalization,
        room: usize,
    ) -> Result<Option<Vec<u8>>, TargetError> {
        if normalization == PathNormalization::Off {
            let Some(rest) = longest(path, &self.written) else { return Ok(None) };
            return if climbs(rest) { Err(TargetError::OddPath) } else { Ok(Some(self.with(rest, room))) };
        }
        let compared_path = compared(path);
        let Some(rest) = longest(&compared_path, &self.normal) else { return Ok(None) };
        // As the client wrote it, an escaped slash with its escape, if that is sure to mean the same.
        let mut as_written = self.written.iter().filter_map(|prefix| strip(path, prefix));
        if let Some(same) = as_written.find(|as_written| compared(as_written) == rest) {
            return Ok(Some(self.with(same, room)));
        }
        let mut escaped = Vec::with_capacity(rest.len());
        push_escaped(&mut escaped, rest, Part::Path);
        Ok(Some(self.with(&escaped, room)))
    }

    /// Which of the beginnings a path loses, as it is written; `None` if it loses none, or gets another one.
    fn stripped(&self, path: &[u8], normalization: PathNormalization) -> Option<&str> {
        if !self.replacement.is_empty() {
            return None;
        }
        let (path, known) = match normalization {
            PathNormalization::Off => (Cow::Borrowed(path), &self.written),
            _ => (compared(path), &self.normal),
        };
        let taken = path.len() - longest(&path, known)?.len();
        let place = known.iter().position(|prefix| prefix.len() == taken)?;
        self.written.get(place).map(String::as_str).filter(|prefix| !prefix.is_empty())
    }

    fn with(&self, rest: &[u8], room: usize) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.replacement.len() + rest.len() + room);
        path.extend_from_slice(self.replacement.as_bytes());
        path.extend_from_slice(rest);
        path
    }
}

impl TargetChange {
    /// The beginning that the change takes off a path, if that is all it does to it.
    #[must_use]
    pub fn stripped(&self, path: &[u8], normalization: PathNormalization) -> Option<&str> {
        match &self.path {
            Some(PathChange::Prefix(change)) => change.stripped(path, normalization),
            Some(PathChange::Whole(_)) | None => None,
        }
    }

    /// Path and query of a request after the change. The path begins with one slash, unless it stays as it is.
    ///
    /// # Errors
    ///
    /// There is none that is safe to use.
    pub fn apply(
        &self,
        path: &[u8],
        query: Option<&[u8]>,
        normalization: PathNormalization,
    ) -> Result<Vec<u8>, TargetError> {
        let compared_path = || match normalization {
            PathNormalization::Off => Cow::Borrowed(path),
            _ => compared(path),
        };
        let new = match &self.path {
            None => None,
            Some(PathChange::Prefix(change)) => {
                let room = query.map_or(0, |query| query.len() + 1);
                change.apply(path, normalization, room)?.map(rooted)
            }
            Some(PathChange::Whole(template)) => {
                let mut new = Vec::new();
                let matches = template.expand(&compared_path(), Part::Path, &mut new);
                // Dot segments made of a capture and what stands beside it: nobody can have meant them.
                if !matches || has_dot_segments(&new) {
                    return Err(TargetError::OddPath);
                }
                Some(rooted(new))
            }
        };
        let mut target = new.unwrap_or_else(|| path.to_vec());
        let (new, old) = match &self.query {
            QueryChange::Keep => (None, query),
            QueryChange::Drop => (None, None),
            QueryChange::Set(template) => (Some(template), None),
            QueryChange::Add(template) => (Some(template), query.filter(|query| !query.is_empty())),
        };
        if new.is_some() || old.is_some() {
            target.push(b'?');
        }
        if let Some(template) = new
            && !template.expand(&compared_path(), Part::Query, &mut target)
        {
            return Err(TargetError::OddPath);
        }
        if new.is_some() && old.is_some() {
            target.push(b'&');
        }
        target.extend_from_slice(old.unwrap_or_default());
        if target.len() > TARGET_BYTES { Err(TargetError::TooLong) } else { Ok(target) }
    }
}

/// A path with exactly one slash at its beginning: what begins with two, or with a slash and a backslash, is a host to many readers
/// (RFC 3986 section 4.2).
#[must_use]
pub fn rooted(path: Vec<u8>) -> Vec<u8> {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    let rest = &path[slashes..];
    match rest.first() {
        Some(b'\\') => {
            let mut rooted = vec![b'/'];
            push_escape(&mut rooted, b'\\');
            rooted.extend_from_slice(&rest[1..]);
            rooted
        }
        _ if slashes == 1 => path,
        _ => [b"/", rest].concat(),
    }
}

/// Path and query with an escape for what isn't part of a URI; percent signs stay.
#[must_use]
pub fn escaped(target: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(target.len());
    for &byte in target {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            escaped.push(byte);
        } else {
            push_escape(&mut escaped, byte);
        }
    }
    escaped
}

/// What follows the longest of these beginnings.
fn longest<'a>(path: &'a [u8], prefixes: &[String]) -> Option<&'a [u8]> {
    prefixes.iter().filter_map(|prefix| strip(path, prefix)).min_by_key(|rest| rest.len())
}

/// What follows a beginning, by whole segments: nothing, or what begins with a slash.
fn strip<'a>(path: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    path.strip_prefix(prefix.as_bytes()).filter(|rest| rest.first().is_none_or(|&byte| byte == b'/'))
}

/// Whether dot segments lead out of where a path begins.
fn climbs(rest: &[u8]) -> bool {
    strip(&compared(&[b"/_", rest].concat()), "/_").is_none()
}

#[cfg(test)]
mod tests;
