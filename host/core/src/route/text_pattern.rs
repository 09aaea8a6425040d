//! Which texts of a request a condition matches.

use std::fmt;

use regex::bytes::RegexBuilder;

/// Most bytes of a compiled regular expression: ordinary ones have a few thousand.
const REGEX_BYTES: usize = 256 << 10;

/// Most bytes of what is kept of a regular expression while it is matched, for each thread.
pub(super) const REGEX_CACHE_BYTES: usize = 1 << 20;

/// A rule for a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPattern {
    /// This text.
    Exact(String),
    /// Texts that start with this.
    Prefix(String),
    /// Texts that end with this.
    Suffix(String),
    /// Texts in which this stands.
    Contains(String),
    /// Texts in which this is found.
    Regex(Regex),
}

impl TextPattern {
    /// Whether it matches a text.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => text == exact.as_bytes(),
            Self::Prefix(start) => text.starts_with(start.as_bytes()),
            Self::Suffix(end) => text.ends_with(end.as_bytes()),
            Self::Contains(part) => memchr::memmem::find(text, part.as_bytes()).is_some(),
            Self::Regex(regex) => regex.matches(text),
        }
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "={text:?}"),
            Self::Prefix(text) => write!(f, "=\"{}*\"", text.escape_debug()),
            Self::Suffix(text) => write!(f, "=\"*{}\"", text.escape_debug()),
            Self::Contains(text) => write!(f, "=\"*{}*\"", text.escape_debug()),
            Self::Regex(regex) => write!(f, "~{:?}", regex.text()),
        }
    }
}

/// A regular expression over bytes, in the syntax of the crate `regex`: it has no backtracking, so that no text takes longer than in
/// proportion to its length. Classes such as `\d` and `\w`, and `(?i)`, are ASCII's, and `.` is any byte.
#[derive(Debug, Clone)]
pub struct Regex(regex::bytes::Regex);

impl Regex {
    /// The regular expression of a text.
    ///
    /// # Errors
    ///
    /// The text is none, or a larger one than serves to tell requests apart.
    pub fn new(text: &str) -> Result<Self, RegexError> {
        let mut builder = RegexBuilder::new(text);
        // A path may have an escaped line feed: `^/admin/.*$` has to match it, too.
        builder
            .dot_matches_new_line(true)
            .unicode(false)
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_CACHE_BYTES);
        builder.build().map(Self).map_err(|error| RegexError::of(text, error))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found in a text.
    #[inline]
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// The expression itself, whose captures a request may be changed by.
    #[must_use]
    pub fn expression(&self) -> &regex::bytes::Regex {
        &self.0
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Regex {}

/// Why a text is no regular expression that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// It isn't one. The place counts characters, from 1.
    #[error("at character {place}: {what}")]
    Syntax {
        /// Where the fault begins.
        place: usize,
        /// What is wrong there.
        what: String,
    },
    /// It is one of more than 256 KiB when compiled.
    #[error("takes more than {} KiB when it is compiled", REGEX_BYTES >> 10)]
    TooLarge,
}

impl RegexError {
    fn of(text: &str, error: regex::Error) -> Self {
        // The crate draws a picture of several lines; the parser beneath it has the place as a number.
        let parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(text);
        let (span, what) = match parser {
            Err(regex_syntax::Error::Parse(error)) => (*error.span(), error.kind().to_string()),
            Err(regex_syntax::Error::Translate(error)) => (*error.span(), error.kind().to_string()),
            _ if matches!(error, regex::Error::CompiledTooBig(_)) => return Self::TooLarge,
            _ => return Self::Syntax { place: 1, what: error.to_string().replace('\n', " ") },
        };
        let before = text.get(..span.start.offset).unwrap_or_default();
        Self::Syntax { place: before.chars().count() + 1, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_matched_as_they_are() {
        let regex = |text: &str| TextPattern::Regex(Regex::new(text).expect("a regular expression"));
        for (pattern, good, bad) in [
            (TextPattern::Exact("ab".into()), "ab", "abc"),
            (TextPattern::Prefix("ab".into()), "abc", "xab"),
            (TextPattern::Suffix("ab".into()), "xab", "abc"),
            (TextPattern::Contains("ab".into()), "xabx", "axb"),
            (regex("^a+$"), "aaa", "aab"),
            (regex("(?i)BOT"), "a robot", "a roach"),
            (regex("^/admin/.*$"), "/admin/\n", "/admin\n"),
            (regex("^/a.b$"), "/a\nb", "/a\nb\n"),
        ] {
            assert!(pattern.matches(good.as_bytes()), "{pattern} {good}");
            assert!(!pattern.matches(bad.as_bytes()), "{pattern} {bad}");
        }
        assert!(regex(r"\xff.$").matches(b"a\xff\xfe"), "any bytes");
    }

    #[test]
    fn what_is_wrong_with_an_expression_has_its_place() {
        let fault = |text: &str| Regex::new(text).expect_err("a fault").to_string();
        assert_eq!(fault("/é(a"), "at character 3: unclosed group");
        assert_eq!(fault("a{2,1}").split(':').next(), Some("at character 2"));
        assert!(fault(r"(a)\1").starts_with("at character 4: backreferences are not supported"));
        assert!(fault("(?=a)").contains("look-around"));
        assert_eq!(fault("(a{1000}){1000}"), "takes more than 256 KiB when it is compiled");
    }

    #[test]
    fn no_text_takes_long() {
        let regex = Regex::new("^(a+)+$").expect("a regular expression");
        let text = [b"a".repeat(100_000), b"!".to_vec()].concat();
        assert!(!regex.matches(&text));
    }
}
