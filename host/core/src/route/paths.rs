//! The routes of one host rule, found by path.

use super::pattern::PathPattern;

/// Routes by path: of those that match the first is found, without looking at all.
///
/// What matches is, but for its own kind of match, a beginning of the request's path. In the order of paths all beginnings of a
/// path are on one chain from what stands right before it: each entry knows the next shorter one that it begins with.
#[derive(Debug, Default)]
pub(super) struct Paths(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    pattern: PathPattern,
    /// The first of the routes with this pattern.
    route: usize,
    /// The longest other entry that this one begins with.
    shorter: Option<usize>,
}

impl Paths {
    /// Adds a route, before [`sort`](Self::sort).
    pub(super) fn add(&mut self, pattern: PathPattern, route: usize) {
        self.0.push(Entry { pattern, route, shorter: None });
    }

    /// Puts the entries in order.
    pub(super) fn sort(&mut self) {
        self.0.sort_by(|one, other| one.pattern.start().cmp(other.pattern.start()));
        let mut open: Vec<usize> = Vec::new();
        for place in 0..self.0.len() {
            let start = self.0[place].pattern.start();
            while open.pop_if(|top| !start.starts_with(self.0[*top].pattern.start())).is_some() {}
            self.0[place].shorter = open.last().copied();
            open.push(place);
        }
    }

    /// The first route that matches.
    #[inline]
    pub(super) fn first(&self, path: &[u8]) -> Option<usize> {
        let mut next =
            self.0.partition_point(|entry| entry.pattern.start().as_bytes() <= path).checked_sub(1);
        let mut found: Option<usize> = None;
        while let Some(entry) = next.and_then(|place| self.0.get(place)) {
            if entry.pattern.matches(path) && found.is_none_or(|found| entry.route < found) {
                found = Some(entry.route);
            }
            next = entry.shorter;
        }
        found
    }
}
