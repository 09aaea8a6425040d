//! The routes of one host rule, found by path.

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::path_pattern::PathPattern;
use super::text_pattern::REGEX_CACHE_BYTES;

/// Routes by path: of those that match the first is found, without looking at all.
///
/// What matches is, but for its own kind of match, a beginning of the request's path. In the order of paths all beginnings of a
/// path are on one chain from what stands right before it: each entry knows the next shorter one that it begins with.
/// Regular expressions are looked for all at once.
#[derive(Debug, Default)]
pub(super) struct Paths {
    entries: Vec<Entry>,
    regexes: Regexes,
}

#[derive(Debug)]
struct Entry {
    pattern: PathPattern,
    /// A route with this pattern.
    route: usize,
    /// The longest other entry that this one begins with.
    shorter: Option<usize>,
}

/// Regular expressions, in the order of their routes.
#[derive(Debug, Default)]
struct Regexes {
    patterns: Vec<(PathPattern, usize)>,
    /// All of them as one; `None` if that would be too large.
    set: Option<RegexSet>,
}

impl Paths {
    /// Adds a route, before [`sort`](Self::sort).
    pub(super) fn add(&mut self, pattern: PathPattern, route: usize) {
        match pattern {
            PathPattern::Regex(_) => self.regexes.patterns.push((pattern, route)),
            _ => self.entries.push(Entry { pattern, route, shorter: None }),
        }
    }

    /// Puts the entries in order.
    pub(super) fn sort(&mut self) {
        let entries = &mut self.entries;
        entries.sort_by(|one, other| one.pattern.start().cmp(other.pattern.start()));
        let mut open: Vec<usize> = Vec::new();
        for place in 0..entries.len() {
            let start = entries[place].pattern.start();
            while open.pop_if(|top| !start.starts_with(entries[*top].pattern.start())).is_some() {}
            entries[place].shorter = open.last().copied();
            open.push(place);
        }
        self.regexes.set = self.regexes.as_one();
    }

    /// The first route that matches and for which `holds` what else it demands, if it is before `found`, and `found` if not.
    #[inline]
    pub(super) fn first(
        &self,
        path: &[u8],
        mut found: Option<usize>,
        holds: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let entries = &self.entries;
        let before = entries.partition_point(|entry| entry.pattern.start().as_bytes() <= path);
        let mut next = before.checked_sub(1);
        while let Some(entry) = next.and_then(|place| entries.get(place)) {
            let is_before = found.is_none_or(|found| entry.route < found);
            if is_before && entry.pattern.matches(path) && holds(entry.route) {
                found = Some(entry.route);
            }
            next = entry.shorter;
        }
        if self.regexes.patterns.is_empty() { found } else { self.regexes.first(path, found, holds) }
    }
}

impl Regexes {
    fn as_one(&self) -> Option<RegexSet> {
        let texts = self.patterns.iter().filter_map(|(pattern, _)| match pattern {
            PathPattern::Regex(regex) => Some(regex.text()),
            _ => None,
        });
        let mut set = RegexSetBuilder::new(texts);
        set.dot_matches_new_line(true).unicode(false).dfa_size_limit(REGEX_CACHE_BYTES);
        (!self.patterns.is_empty()).then(|| set.build().ok()).flatten()
    }

    /// As [`Paths::first`].
    fn first(&self, path: &[u8], found: Option<usize>, holds: &impl Fn(usize) -> bool) -> Option<usize> {
        let is_before = |route: usize| found.is_none_or(|found| route < found);
        if !self.patterns.first().is_some_and(|(_, route)| is_before(*route)) {
            return found;
        }
        let first = match &self.set {
            Some(set) => {
                let matching = set.matches(path);
                let mut routes =
                    matching.iter().filter_map(|place| self.patterns.get(place)).map(|(_, route)| *route);
                routes.find(|&route| !is_before(route) || holds(route))
            }
            None => {
                let mut matching = self.patterns.iter().filter(|(pattern, _)| pattern.matches(path));
                matching.find(|(_, route)| !is_before(*route) || holds(*route)).map(|(_, route)| *route)
            }
        };
        first.filter(|&route| is_before(route)).or(found)
    }
}
