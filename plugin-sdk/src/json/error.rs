//! What is wrong with a text, and under which key.
//!
//! The words are serde's, and put together without its formatting, which is larger than all the rest of the reader.

use crate::buffers::joined;
use serde::de::{self, Expected, Unexpected};
use std::fmt::{self, Write as _};

/// Why a text can't be read as a type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The keys that lead to the place, with dots between; empty for the whole.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Error {
    fn new(text: &[&str]) -> Self {
        Self { path: String::new(), text: joined(text) }
    }

    /// The text is no JSON.
    #[cold]
    pub(super) fn syntax(text: &str) -> Self {
        Self::new(&["not JSON: ", text])
    }

    #[cold]
    pub(super) fn invalid(what: &str, found: &[&str], expected: &dyn Expected) -> Self {
        Self::new(&["invalid ", what, ": ", &joined(found), ", expected ", &shown(&expected)])
    }

    fn found(what: &str, found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let number = |sign, magnitude: u64| {
            Self::invalid(what, &["integer `", sign, &digits(magnitude), "`"], expected)
        };
        match found {
            Unexpected::Unsigned(found) => number("", found),
            Unexpected::Signed(found) => number(if found < 0 { "-" } else { "" }, found.unsigned_abs()),
            Unexpected::Str(found) => Self::invalid(what, &["string \"", found, "\""], expected),
            Unexpected::Other(found) => Self::invalid(what, &[found], expected),
            Unexpected::Bool(_) => Self::invalid(what, &["boolean"], expected),
            Unexpected::Float(_) => Self::invalid(what, &["floating point number"], expected),
            Unexpected::Unit => Self::invalid(what, &["null"], expected),
            Unexpected::Seq => Self::invalid(what, &["sequence"], expected),
            Unexpected::Map => Self::invalid(what, &["map"], expected),
            _ => Self::invalid(what, &["variant"], expected),
        }
    }

    fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let mut error = Self::new(&["unknown ", what, " `", name, "`, expected "]);
        let (first, between) = if known.len() > 2 { ("one of ", ", ") } else { ("", " or ") };
        let mut before = first;
        for name in known {
            error.text.push_str(&joined(&[before, "`", name, "`"]));
            before = between;
        }
        if known.is_empty() {
            error.text.push_str("none");
        }
        error
    }

    /// The same, about what stands under this key.
    #[cold]
    pub(super) fn under(mut self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = joined(&[key, dot, &self.path]);
        self
    }
}

/// As `to_string`, once for all types.
fn shown(value: &dyn fmt::Display) -> String {
    let mut text = String::new();
    // Writing to a string doesn't fail.
    let _ = write!(text, "{value}");
    text
}

fn digits(number: u64) -> String {
    let digit = char::from(b'0' + (number % 10) as u8);
    let mut text = if number < 10 { String::new() } else { digits(number / 10) };
    text.push(digit);
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(&[&shown(&text)])
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::found("type", found, expected)
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::found("value", found, expected)
    }

    #[cold]
    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("variant", name, known)
    }

    #[cold]
    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("field", name, known)
    }

    #[cold]
    fn missing_field(name: &'static str) -> Self {
        Self::new(&["missing field `", name, "`"])
    }

    #[cold]
    fn duplicate_field(name: &'static str) -> Self {
        Self::new(&["duplicate field `", name, "`"])
    }
}
