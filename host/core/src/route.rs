//! Which route a request takes.

mod condition;
mod host_pattern;
mod hosts;
mod list;
mod names;
pub mod normal_path;
mod path_pattern;
mod paths;
mod pattern;
pub mod target_change;
mod template;
#[cfg(test)]
mod tests;
mod text_pattern;

use std::borrow::Cow;

use condition::Candidate;
use hosts::Hosts;

pub use condition::{Condition, Spoken, ValuePattern};
pub use host_pattern::HostPattern;
pub(crate) use host_pattern::host_of;
pub use path_pattern::{PathNormalization, PathPattern};
pub use pattern::RoutePattern;
pub use target_change::{PathChange, PrefixChange, QueryChange, TargetChange, TargetError};
pub use template::{Template, TemplateError};
pub use text_pattern::{Regex, RegexError, TextPattern};

use crate::address::Address;
use crate::record::RouteIndex;
use crate::request::RequestHead;

/// The routes; of those that match the first in the configuration wins.
#[derive(Debug, Default)]
pub struct Router {
    /// With the paths as they are written.
    written: Table,
    /// With the paths as [`normal_path::compared`] puts them, if that makes a difference to one of them.
    normal: Option<Box<Table>>,
    /// Whether it matters what a request's path is.
    looks_at_path: bool,
    /// All of them, in their order.
    patterns: Box<[RoutePattern]>,
}

/// Routes, with paths in one form.
#[derive(Debug, Default)]
struct Table {
    hosts: Hosts,
    /// What each route demands beside host and path.
    conditions: Box<[Box<[Condition]>]>,
}

impl Router {
    /// A router over these routes.
    #[must_use]
    pub fn new(routes: &[RoutePattern]) -> Self {
        let normal: Vec<RoutePattern> = routes.iter().map(normal).collect();
        let looks_at_path = |route: &RoutePattern| {
            let is_all = |path: &PathPattern| path.covers(&PathPattern::all());
            !route.paths.iter().all(is_all) || route.conditions.iter().any(Condition::looks_at_path)
        };
        Self {
            written: Table::new(routes),
            normal: (normal != routes).then(|| Box::new(Table::new(&normal))),
            looks_at_path: routes.iter().any(looks_at_path),
            patterns: routes.into(),
        }
    }

    /// What a route matches.
    #[must_use]
    pub fn pattern(&self, index: RouteIndex) -> Option<&RoutePattern> {
        self.patterns.get(index.0)
    }

    /// The route of a request that came in by the listener with this address, as that is configured.
    ///
    /// `OPTIONS *` is about the server as a whole (RFC 9110 section 9.3.7): it goes where `/` would.
    #[must_use]
    pub fn route(
        &self,
        head: &RequestHead,
        listener: &Address,
        normalization: PathNormalization,
    ) -> Option<RouteIndex> {
        let path = match head.path() {
            b"*" => b"/",
            path => path,
        };
        if normalization == PathNormalization::Off {
            return self.written.first(head, listener, path);
        }
        let path = if self.looks_at_path { normal_path::compared(path) } else { Cow::Borrowed(path) };
        self.normal.as_deref().unwrap_or(&self.written).first(head, listener, &path)
    }
}

impl Table {
    fn new(routes: &[RoutePattern]) -> Self {
        let conditions = routes.iter().map(|route| route.conditions.clone().into_boxed_slice()).collect();
        Self { hosts: Hosts::new(routes), conditions }
    }

    #[inline]
    fn first(&self, head: &RequestHead, listener: &Address, path: &[u8]) -> Option<RouteIndex> {
        let candidate = Candidate { head, listener, path };
        let holds = |route: usize| {
            let conditions = self.conditions.get(route);
            conditions.is_none_or(|all| all.iter().all(|condition| condition.holds(&candidate)))
        };
        let authority = || head.authority().unwrap_or_default();
        self.hosts.first(authority, path, &holds).map(RouteIndex)
    }
}

/// A route whose paths are in the form to compare.
fn normal(route: &RoutePattern) -> RoutePattern {
    RoutePattern {
        hosts: route.hosts.clone(),
        paths: route.paths.iter().map(normal_path::pattern).collect(),
        conditions: route.conditions.iter().map(|it| it.with_paths(normal_path::pattern)).collect(),
    }
}
