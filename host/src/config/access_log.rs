//! `[access_log]`: a line for each request.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::read::{Section, Value, choice, excerpt};

/// Range of `slow`.
const SLOW: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);

/// Range of `buffer`: less would be one block for each of a few workers, more is no buffer but a queue.
const BUFFER: RangeInclusive<u64> = 256 << 10..=1 << 30;

/// How the access log is written.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLogConfig {
    /// What a line looks like. `format`, JSON.
    pub format: LineFormat,
    /// Where lines go. `path`, standard output.
    pub output: LogOutput,
    /// The share of requests that have a line, 0 to 1, beside those that always have one. `sample`, 1.
    pub sample: f64,
    /// A request that takes this long always has a line. `slow`, 1 s.
    pub slow: Duration,
    /// What becomes of queries. `query`, kept.
    pub query: Detail,
    /// What becomes of clients' addresses. `client`, kept.
    pub client: Detail,
    /// Most memory for lines that aren't written yet, bytes, over all workers. `buffer`, 4 MiB.
    pub buffer: usize,
    /// Line of `path` in the file, or of the section, for errors that show only when it is opened.
    pub line: usize,
}

impl AccessLogConfig {
    /// Whether another one says the same, wherever in the file.
    #[must_use]
    pub fn has_settings_of(&self, other: &Self) -> bool {
        *self == Self { line: self.line, ..other.clone() }
    }
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// An object for each request.
    Json,
    /// The combined format of other servers, and more fields after it.
    Text,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard output.
    Stdout,
    /// A file, at whose end they are written.
    File(PathBuf),
}

impl fmt::Display for LogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// How much of something that tells of people is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// All of it.
    Keep,
    /// Names without values; networks without hosts.
    Mask,
    /// Nothing.
    Drop,
}

/// The section.
pub(super) fn access_log(value: &Value<'_>) -> Option<AccessLogConfig> {
    Section::read(value, "write `[access_log]` above its keys", |section| {
        let format = choice(
            section,
            "format",
            LineFormat::Json,
            &[("json", LineFormat::Json), ("text", LineFormat::Text)],
        );
        let path = section.get("path");
        let output = path.as_ref().map_or(Some(LogOutput::Stdout), output);
        let sample = section.get("sample").map_or(Some(1.0), |value| share(&value));
        let slow = section.duration("slow", Duration::from_secs(1), SLOW);
        let query = detail(section, "query");
        let client = detail(section, "client");
        let buffer = section.bytes("buffer", 4 << 20, BUFFER);
        let line = path.as_ref().unwrap_or(value).line();
        Some(AccessLogConfig {
            format: format?,
            output: output?,
            sample: sample?,
            slow,
            query: query?,
            client: client?,
            buffer,
            line,
        })
    })
}

fn detail(section: &mut Section<'_>, key: &'static str) -> Option<Detail> {
    let choices = [("keep", Detail::Keep), ("mask", Detail::Mask), ("drop", Detail::Drop)];
    choice(section, key, Detail::Keep, &choices)
}

fn output(value: &Value<'_>) -> Option<LogOutput> {
    if value.string()? == "-" {
        return Some(LogOutput::Stdout);
    }
    let path = value.path()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() {
        value.fail(
            format!("`{}` is a folder", path.display()),
            "name a file in it, or write `\"-\"` for standard output",
        );
        return None;
    }
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        value.fail(
            format!("there is no folder `{}`", folder.display()),
            "create it, or name a file in another one",
        );
        return None;
    }
    Some(LogOutput::File(path))
}

/// A number from 0 to 1.
fn share(value: &Value<'_>) -> Option<f64> {
    const HINT: &str = "write a number from 0 to 1, such as `0.1` for every tenth request";
    let text = match value.raw() {
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        _ => return value.mistyped("a number", HINT),
    };
    let number: Option<f64> = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    if number.is_none() {
        value.fail(format!("`{}` is out of range", excerpt(&text)), HINT);
    }
    number
}
