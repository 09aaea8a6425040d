//! Which paths a route matches.

use std::fmt;

use super::text_pattern::Regex;

/// A path rule of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// Paths that start with this, wherever in a segment that ends: `/v1` matches `/v10`.
    Start(String),
    /// This path and all below it, by whole segments: `/v1` matches `/v1` and `/v1/x`, but not `/v10`. It doesn't end in a
    /// slash; empty, it matches all.
    Segments(String),
    /// This path.
    Exact(String),
    /// Paths that end with this.
    Suffix(String),
    /// Paths in which this is found, at any place that it isn't anchored to.
    Regex(Regex),
}

impl PathPattern {
    /// The pattern that matches every path.
    #[must_use]
    pub fn all() -> Self {
        Self::Start("/".into())
    }

    /// What every path that matches starts with.
    #[inline]
    #[must_use]
    pub fn start(&self) -> &str {
        match self {
            Self::Start(start) | Self::Segments(start) | Self::Exact(start) => start,
            Self::Suffix(_) | Self::Regex(_) => "",
        }
    }

    /// Whether it matches a request's path, which begins with a slash.
    #[inline]
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Start(start) => path.starts_with(start.as_bytes()),
            Self::Segments(whole) => path
                .strip_prefix(whole.as_bytes())
                .is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b'/')),
            Self::Exact(exact) => path == exact.as_bytes(),
            Self::Suffix(end) => path.ends_with(end.as_bytes()),
            Self::Regex(regex) => regex.matches(path),
        }
    }

    /// Whether it surely matches everything that `other` does. What only a comparison of two regular languages could tell isn't
    /// found out.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // Every path starts with a slash.
            (Self::Start(start), _) if start == "/" => true,
            (Self::Segments(whole), _) if whole.is_empty() => true,
            (Self::Start(start), Self::Segments(whole)) => whole.starts_with(start),
            (Self::Segments(whole), Self::Start(start)) => {
                start.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            (Self::Start(_) | Self::Segments(_), Self::Start(path) | Self::Segments(path)) => {
                self.matches(path.as_bytes())
            }
            (_, Self::Exact(path)) => self.matches(path.as_bytes()),
            (Self::Suffix(end), Self::Suffix(other)) => other.ends_with(end.as_str()),
            (Self::Regex(regex), Self::Regex(other)) => regex == other,
            _ => false,
        }
    }
}

impl fmt::Display for PathPattern {
    /// Segments as they are: `/v1`. A beginning that may end within a segment has an asterisk (`/v1*`), as a suffix has
    /// (`*.php`); an exact path begins with `=`, a regular expression with `~`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segments(whole) if whole.is_empty() => f.write_str("/"),
            Self::Start(start) if start.ends_with('/') => f.write_str(start),
            Self::Segments(whole) => f.write_str(whole),
            Self::Start(start) => write!(f, "{start}*"),
            Self::Exact(path) => write!(f, "={path}"),
            Self::Suffix(end) => write!(f, "*{end}"),
            Self::Regex(regex) => write!(f, "~{}", regex.text()),
        }
    }
}

/// How paths are treated that many servers take for another one, such as `//admin` and `/x/../admin` for `/admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathNormalization {
    /// They are what they are: compared and forwarded as they came.
    Off,
    /// Routes are found for the other one; backends get what came.
    #[default]
    Match,
    /// The other one takes their place.
    Rewrite,
    /// They are refused.
    Refuse,
}
