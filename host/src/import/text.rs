//! Files as text, and what is no configuration at all.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use pointsman_core::printable::Escape;

use crate::folder;

/// Largest file, and largest sum of all that are included.
const MOST_BYTES: u64 = 64 << 20;

/// Most files.
const MOST_FILES: usize = 10_000;

/// Longest message, bytes.
const MESSAGE_BYTES: usize = 2 << 10;

/// Why an input can't be read: `FILE:LINE: message; what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file as it was named.
    pub file: String,
    /// From 1; none if no line is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut f = Escape::new(f, MESSAGE_BYTES);
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}; {}", self.message, self.hint)
    }
}

impl std::error::Error for Unreadable {}

/// What is read of the file system, with its limits.
#[derive(Debug)]
pub(super) struct Files {
    /// Where relative paths start, the first that has the file.
    pub(super) roots: Vec<PathBuf>,
    bytes_left: u64,
    files_left: usize,
}

impl Files {
    pub(super) fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots, bytes_left: MOST_BYTES, files_left: MOST_FILES }
    }

    /// The text of a file with line feeds only, or what is wrong with it. Pipes are read to their end.
    pub(super) fn read(&mut self, path: &Path) -> Result<String, Unreadable> {
        let file = path.display().to_string();
        let fail = |line, message: String, hint: &str| Unreadable {
            file: file.clone(),
            line,
            message,
            hint: hint.to_owned(),
        };
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|open| {
            if open.metadata()?.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            }
            open.take(self.bytes_left + 1).read_to_end(&mut bytes)
        });
        read.map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => fail(None, "there is no such file".into(), "name one that is there"),
            ErrorKind::IsADirectory => {
                fail(None, "is a folder".into(), "name a file in it; an `include` takes `folder/*`")
            }
            _ => fail(None, format!("cannot be read: {cause}"), "name a file that may be read"),
        })?;
        let length = bytes.len() as u64;
        if length > self.bytes_left || self.files_left == 0 {
            let message = format!(
                "there is more than {} MiB to read, or more than {MOST_FILES} files",
                MOST_BYTES >> 20
            );
            return Err(fail(None, message, "look for an `include` that takes too much"));
        }
        self.bytes_left -= length;
        self.files_left -= 1;
        let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
        if let Some(at) = bytes.iter().position(is_control) {
            let line = line_at(&bytes, at);
            return Err(fail(Some(line), "is no text".into(), "name the configuration itself"));
        }
        String::from_utf8(bytes).map(|text| text.replace("\r\n", "\n")).map_err(|cause| {
            let line = line_at(cause.as_bytes(), cause.utf8_error().valid_up_to());
            fail(Some(line), "is not UTF-8 text".into(), "convert it, for example with `iconv -t UTF-8`")
        })
    }

    /// Where a relative path leads: the first place that has it, or else the first of all.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        let places = || self.roots.iter().map(|root| below(root, path));
        places().find(|place| place.exists()).or_else(|| places().next()).unwrap_or_else(|| path.into())
    }
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Refuses a template: what it would be filled with isn't known. `comment` begins a comment in both languages.
pub(super) fn refuse_template(file: &str, text: &str) -> Result<(), Unreadable> {
    const MARKS: [(&str, &str); 3] = [("{{", "}}"), ("<%", "%>"), ("{%", "%}")];
    for (number, line) in text.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(before, _)| before);
        for (opening, closing) in MARKS {
            let Some((_, rest)) = line.split_once(opening) else { continue };
            if rest.contains(closing) {
                return Err(Unreadable {
                    file: file.to_owned(),
                    line: Some(number + 1),
                    message: format!("is a template, with `{opening} … {closing}` in it"),
                    hint: "fill it in first, and import what comes of it".into(),
                });
            }
        }
    }
    Ok(())
}

/// Refuses an empty file.
pub(super) fn refuse_empty(file: &str, text: &str) -> Result<(), Unreadable> {
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    match is_empty {
        true => Err(Unreadable {
            file: file.to_owned(),
            line: None,
            message: "there is nothing in it but space and comments".into(),
            hint: "name the configuration that is in use".into(),
        }),
        false => Ok(()),
    }
}

impl Files {
    /// The files that a path with `*`, `?` and `[…]` stands for, in their order; the file itself if it has none.
    pub(super) fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        if !pattern.contains(['*', '?', '[']) {
            let path = self.locate(pattern);
            return if path.exists() { vec![path] } else { Vec::new() };
        }
        let found = self.roots.iter().map(|root| globbed(root, pattern)).find(|found| !found.is_empty());
        found.unwrap_or_default()
    }
}

/// Most entries of folders that are looked at for one pattern.
const MOST_ENTRIES: usize = 100_000;

/// A path below a folder, without a dot that says nothing.
fn below(root: &Path, path: &str) -> PathBuf {
    if root == Path::new(".") { PathBuf::from(path) } else { root.join(path) }
}

fn globbed(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { below(root, "") };
    let mut found = vec![start];
    let mut left = MOST_ENTRIES;
    for piece in pattern.split('/').filter(|piece| !piece.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            if !piece.contains(['*', '?', '[']) {
                next.push(folder.join(piece));
                continue;
            }
            let Ok(entries) = std::fs::read_dir(folder::named(&folder)) else { continue };
            let names = entries.flatten().map(|entry| entry.file_name());
            let mut names: Vec<_> = names
                .take(left)
                .filter_map(|name| name.into_string().ok())
                .filter(|name| {
                    let hidden = name.starts_with('.') && !piece.starts_with('.');
                    !hidden && fits(piece.as_bytes(), name.as_bytes())
                })
                .collect();
            left = left.saturating_sub(names.len());
            names.sort();
            next.extend(names.into_iter().map(|name| folder.join(name)));
        }
        found = next;
    }
    found.retain(|path| path.exists());
    found
}

/// Whether a name fits a pattern of `*`, `?` and `[…]`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // The place of the last star, and what of the name it has taken.
    let mut star = None;
    let (mut at, mut taken) = (0, 0);
    while taken < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, taken));
                at += 1;
                continue;
            }
            Some(b'?') => {
                at += 1;
                taken += 1;
                continue;
            }
            Some(b'[') => {
                if let Some((fits, length)) = class(&pattern[at..], name[taken])
                    && fits
                {
                    at += length;
                    taken += 1;
                    continue;
                }
            }
            Some(byte) if *byte == name[taken] => {
                at += 1;
                taken += 1;
                continue;
            }
            _ => {}
        }
        let Some((place, begun)) = star else { return false };
        star = Some((place, begun + 1));
        at = place + 1;
        taken = begun + 1;
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether a byte is in the set `[…]` at the start of a pattern, and how long that is.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let end = pattern.iter().skip(2).position(|byte| *byte == b']')? + 2;
    let inner = &pattern[1..end];
    let (inner, negated) = match inner.split_first() {
        Some((b'!' | b'^', rest)) => (rest, true),
        _ => (inner, false),
    };
    let mut found = false;
    let mut at = 0;
    while at < inner.len() {
        match inner.get(at + 1..at + 3) {
            Some([b'-', last]) => {
                found |= (inner[at]..=*last).contains(&byte);
                at += 3;
            }
            _ => {
                found |= inner[at] == byte;
                at += 1;
            }
        }
    }
    Some((found != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.off", false),
            ("log-*.inc", "log-timing.inc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[0-9]*", "1-a", true),
            ("[!0-9]*", "1-a", false),
            ("*a*b*", "xxaybz", true),
            ("*a*b*", "xxbya", false),
            ("[a", "a", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
