//! What errors are answered with where the configuration has pages for them.

mod accept;
mod page;

use std::collections::HashMap;
use std::path::Path;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};
use pointsman_core::record::RouteIndex;

use crate::config::{Config, ErrorPageConfig, PageContent, StatusPattern};
pub use page::Page;

/// The pages of a configuration.
#[derive(Debug, Clone)]
pub struct ErrorPages {
    /// Those of all pools, and of what comes to none.
    all: Box<[Page]>,
    /// Those of single pools, by name; of pools without any there is nothing.
    pools: HashMap<Box<str>, PoolPages>,
    /// In whose place pages come on routes that say so themselves.
    routes: HashMap<RouteIndex, Box<[StatusPattern]>>,
    /// Pages differ in their types: which one a client gets depends on what it takes.
    differ: bool,
}

/// What a pool has beside the pages of all.
#[derive(Debug, Clone)]
struct PoolPages {
    pages: Box<[Page]>,
    intercept: Box<[StatusPattern]>,
}

/// The page for an error.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The page.
    pub page: &'a Page,
    /// Another client may get one of another type.
    pub varies: bool,
}

impl ErrorPages {
    /// The pages of a configuration, whose files have this content. `None` if it has none.
    pub fn new<'a>(config: &'a Config, file: impl Fn(&Path) -> &'a [u8]) -> Option<Self> {
        let load = |pages: &'a [ErrorPageConfig]| -> Box<[Page]> {
            let content = |content: &'a PageContent| match content {
                PageContent::Text(text) => text.as_bytes(),
                PageContent::File(path, _) => file(path),
            };
            pages.iter().map(|page| Page::new(page, content(&page.content))).collect()
        };
        let mut pools = HashMap::new();
        for pool in &config.pools {
            if !(pool.error_pages.is_empty() && pool.intercept.is_empty()) {
                let (pages, intercept) = (load(&pool.error_pages), pool.intercept.clone().into());
                pools.insert(pool.name.as_str().into(), PoolPages { pages, intercept });
            }
        }
        let routes = config.routes.iter().enumerate();
        let routes = routes.filter_map(|(index, route)| {
            Some((RouteIndex(index), route.intercept.as_ref()?.as_slice().into()))
        });
        let (all, routes) = (load(&config.error_pages), routes.collect());
        let pages = Self { all, pools, routes, differ: false };
        let differ = {
            let mut types = pages.iter().map(Page::media_type);
            let first = types.next()?;
            types.any(|other| other != first)
        };
        Some(Self { differ, ..pages })
    }

    /// The same for one worker. Contents are counted references, to which all workers would write otherwise.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let copies = |pages: &[Page]| pages.iter().map(Page::for_worker).collect();
        let mut copy = self.clone();
        copy.all = copies(&self.all);
        for pool in copy.pools.values_mut() {
            pool.pages = copies(&pool.pages);
        }
        copy
    }

    fn iter(&self) -> impl Iterator<Item = &Page> {
        self.pools.values().flat_map(|pool| &pool.pages).chain(&self.all)
    }

    /// Whether the page for an error depends on what the client takes.
    #[must_use]
    pub fn depend_on_client(&self) -> bool {
        self.differ
    }

    /// Whether a page comes in the place of a backend's response with this status, on this route and from this pool.
    #[inline]
    #[must_use]
    pub fn intercept(&self, route: Option<RouteIndex>, pool: &str, status: StatusCode) -> bool {
        (status.is_client_error() || status.is_server_error()) && self.has_to_intercept(route, pool, status)
    }

    #[cold]
    fn has_to_intercept(&self, route: Option<RouteIndex>, pool: &str, status: StatusCode) -> bool {
        let of_pool = self.pools.get(pool);
        let of_route = route.and_then(|route| self.routes.get(&route));
        let intercepted = of_route.or_else(|| Some(&of_pool?.intercept));
        let mut pages = of_pool.into_iter().flat_map(|pool| &pool.pages).chain(&self.all);
        intercepted.is_some_and(|intercepted| intercepted.iter().any(|pattern| pattern.matches(status)))
            && pages.any(|page| page.specificity(status).is_some())
    }

    /// The page for an error, which a pool has met if one is named: of those that the client takes, one of the pool before one of all; then
    /// what the client likes better, a status before its class, and the order of the file. If the client takes none, the same without
    /// asking it.
    #[must_use]
    pub fn choose(
        &self,
        accept: Option<&HeaderValue>,
        pool: Option<&str>,
        status: StatusCode,
    ) -> Option<Chosen<'_>> {
        let of_pool = pool.and_then(|pool| self.pools.get(pool)).map_or(&[][..], |pool| &*pool.pages);
        let of_pool = of_pool.iter().map(|page| (true, page));
        let of_all = self.all.iter().map(|page| (false, page));
        let ranked = of_pool.chain(of_all).filter_map(|(is_of_pool, page)| {
            let weight = accept::weight(accept, page.media_type());
            Some(((weight > 0, is_of_pool, weight, page.specificity(status)?), page))
        });
        let ranked: Vec<_> = ranked.collect();
        let varies = ranked.windows(2).any(|pair| pair[0].1.media_type() != pair[1].1.media_type());
        // Of equals the first one stays.
        let best = ranked.into_iter().rev().max_by_key(|(rank, _)| *rank);
        best.map(|(_, page)| Chosen { page, varies })
    }
}

/// What a client takes: its `Accept`, in one line. None if it says nothing.
#[must_use]
pub fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(ACCEPT).iter();
    let first = lines.next()?;
    if lines.next().is_none() {
        return Some(first.clone());
    }
    let lines: Vec<_> = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b',')).ok()
}

#[cfg(test)]
mod tests;
