//! Which route a request takes.

mod hosts;
mod names;
pub mod normal_path;
mod paths;
mod pattern;
#[cfg(test)]
mod tests;

use hosts::Hosts;

pub use pattern::{HostPattern, PathNormalization, PathPattern, RoutePattern};

/// A route's place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteIndex(pub usize);

/// The routes; of those that match the first in the configuration wins.
#[derive(Debug, Default)]
pub struct Router {
    /// With the paths as they are written.
    written: Hosts,
    /// With the paths as [`normal_path::compared`] puts them, if that makes a difference to one of them.
    normal: Option<Box<Hosts>>,
    /// All of them, in their order.
    patterns: Box<[RoutePattern]>,
}

impl Router {
    /// A router over these routes.
    #[must_use]
    pub fn new(routes: &[RoutePattern]) -> Self {
        let written = routes.iter().map(|route| (&route.host, route.path.clone()));
        let normal = routes.iter().map(|route| (&route.host, normal_path::pattern(&route.path)));
        let differ = normal.clone().zip(routes).any(|((_, normal), route)| normal != route.path);
        let normal = differ.then(|| Box::new(Hosts::new(normal)));
        Self { written: Hosts::new(written), normal, patterns: routes.into() }
    }

    /// What a route matches.
    #[must_use]
    pub fn pattern(&self, index: RouteIndex) -> Option<&RoutePattern> {
        self.patterns.get(index.0)
    }

    /// The route of a request. `authority` returns the content of `Host`; it is called only if that matters.
    ///
    /// `OPTIONS *` is about the server as a whole (RFC 9110 section 9.3.7): it goes where `/` would.
    #[must_use]
    pub fn route<'a>(
        &self,
        authority: impl FnOnce() -> &'a [u8],
        path: &[u8],
        normalization: PathNormalization,
    ) -> Option<RouteIndex> {
        let path = if path == b"*" { b"/" } else { path };
        let index = match normalization {
            PathNormalization::Off => self.written.first(authority, path),
            _ => {
                let normal = self.normal.as_deref().unwrap_or(&self.written);
                normal.first(authority, &normal_path::compared(path))
            }
        };
        index.map(RouteIndex)
    }
}
