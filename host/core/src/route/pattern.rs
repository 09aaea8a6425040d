//! What a route matches, as it is configured.

use std::fmt;

/// What a route matches: both its host and its path rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    /// Which hosts match.
    pub host: HostPattern,
    /// Which paths match.
    pub path: PathPattern,
}

impl fmt::Display for RoutePattern {
    /// Host and path, such as `*.example.com/v1/`; the path alone if every host matches.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostPattern::Any => self.path.fmt(f),
            HostPattern::Exact(host) => write!(f, "{host}{}", self.path),
            HostPattern::Subdomains(domain) => write!(f, "*.{domain}{}", self.path),
        }
    }
}

/// The host rule of a route. Names are lower case and carry no port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This host; an IPv6 address with its brackets.
    Exact(String),
    /// Every subdomain of this domain (`*.example.com` without the `*.`), but not the domain itself.
    Subdomains(String),
}

/// The path rule of a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Paths that start with this, wherever in a segment that ends: `/v1` matches `/v10`.
    Start(String),
    /// This path and all below it, by whole segments: `/v1` matches `/v1` and `/v1/x`, but not `/v10`. It doesn't end in a
    /// slash; empty, it matches all.
    Segments(String),
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
        let (Self::Start(start) | Self::Segments(start)) = self;
        start
    }

    /// Whether it matches a request's path, which begins with a slash.
    #[inline]
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.start().as_bytes()).is_some_and(|rest| match self {
            Self::Start(_) => true,
            Self::Segments(_) => rest.first().is_none_or(|&byte| byte == b'/'),
        })
    }

    /// Whether it matches everything that `other` does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // Every path starts with a slash.
            (Self::Start(start), Self::Segments(whole)) => start == "/" || whole.starts_with(start),
            (Self::Segments(whole), Self::Start(start)) => {
                start.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            (_, Self::Start(path) | Self::Segments(path)) => self.matches(path.as_bytes()),
        }
    }
}

impl fmt::Display for PathPattern {
    /// As it is written, with the slash that stands for everything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.start().is_empty() { "/" } else { self.start() })
    }
}

/// How paths are treated that many servers take for another one, such as `//admin` and `/x/../admin` for `/admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathNormalization {
    /// They are what they are: compared and forwarded as they came.
    #[default]
    Off,
    /// Routes are found for the other one; backends get what came.
    Match,
    /// The other one takes their place.
    Rewrite,
    /// They are refused.
    Refuse,
}
