//! What a route matches, as it is configured.

use std::fmt;

use super::condition::Condition;
use super::host_pattern::HostPattern;
use super::list::Alternatives;
use super::normal_path;
use super::path_pattern::PathPattern;
use super::text_pattern::Regex;

/// What a route matches: one of its hosts, one of its paths, and all that it demands besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoutePattern {
    /// Which hosts match: those that one of these matches; without any, every host.
    pub hosts: Vec<HostPattern>,
    /// Which paths match: those that one of these matches; without any, every path.
    pub paths: Vec<PathPattern>,
    /// What has to hold besides: all of these.
    pub conditions: Vec<Condition>,
}

impl RoutePattern {
    /// One of these hosts has to match.
    pub(super) fn hosts(&self) -> &[HostPattern] {
        const EVERY: &[HostPattern] = &[HostPattern::Any];
        if self.hosts.is_empty() { EVERY } else { &self.hosts }
    }

    /// One of these paths has to match.
    pub(super) fn paths(&self) -> &[PathPattern] {
        const EVERY: &[PathPattern] = &[PathPattern::Segments(String::new())];
        if self.paths.is_empty() { EVERY } else { &self.paths }
    }

    /// Whether it surely matches everything that `other` does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let hosts_are_covered =
            || other.hosts().iter().all(|host| self.hosts().iter().any(|own| own.covers(host)));
        let paths_are_covered =
            || other.paths().iter().all(|path| self.paths().iter().any(|own| own.covers(path)));
        hosts_are_covered()
            && paths_are_covered()
            && self.conditions.iter().all(|condition| other.conditions.contains(condition))
    }
}

impl RoutePattern {
    /// The lists of paths of which a request's path has to match one each.
    fn path_lists(&self) -> impl Iterator<Item = &[PathPattern]> {
        let further = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Path(paths) => Some(&paths[..]),
            _ => None,
        });
        std::iter::once(&self.paths[..]).chain(further)
    }

    /// The regular expressions of which a path has to match one.
    #[must_use]
    pub fn regexes(&self) -> Vec<Regex> {
        let regex = |path: &PathPattern| match path {
            PathPattern::Regex(regex) => Some(regex.clone()),
            _ => None,
        };
        self.path_lists().flatten().filter_map(regex).collect()
    }

    /// The prefixes of which a path has to begin with one.
    #[must_use]
    pub fn prefixes(&self) -> Vec<String> {
        let prefix = |path: &PathPattern| match path {
            PathPattern::Segments(prefix) => Some(prefix.clone()),
            // By whole segments as well.
            PathPattern::Start(start) if start.ends_with('/') => Some(start.clone()),
            _ => None,
        };
        self.path_lists().flatten().filter_map(prefix).collect()
    }

    /// Whether it surely takes a request for this path, in whatever form that is written, as far as the path goes.
    #[must_use]
    pub fn takes_path(&self, path: &str) -> bool {
        let path = normal_path::compared(path.as_bytes());
        let matches = |pattern: &PathPattern| normal_path::pattern(pattern).matches(&path);
        self.path_lists().all(|paths| paths.is_empty() || paths.iter().any(matches))
    }
}

impl fmt::Display for RoutePattern {
    /// Host and path, such as `*.example.com/v1`, and what else is demanded; the path alone if every host matches.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Alternatives(&self.hosts).fmt(f)?;
        if self.paths.is_empty() {
            f.write_str("/")?;
        }
        Alternatives(&self.paths).fmt(f)?;
        self.conditions.iter().try_for_each(|condition| write!(f, ", {condition}"))
    }
}
