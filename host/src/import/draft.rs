//! The configuration that is being made, before it is text.

use super::fields::Changes;
use super::keys::Keys;
use super::matching::Test;

/// The whole of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) top: Keys,
    pub(super) access_log: Keys,
    pub(super) dns: Keys,
    pub(super) listeners: Vec<ListenerDraft>,
    pub(super) routes: Vec<RouteDraft>,
    /// What errors are answered with, of all pools and of none.
    pub(super) error_pages: Vec<PageDraft>,
    pub(super) limits: Vec<LimitDraft>,
    pub(super) pools: Vec<PoolDraft>,
}

/// A `[[listener]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ListenerDraft {
    /// Where it comes from.
    pub(super) comment: String,
    /// With `address`, as a text.
    pub(super) address: String,
    pub(super) keys: Keys,
    /// It speaks TLS if there is anything here.
    pub(super) tls: Keys,
}

/// What becomes of a request that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// A pool serves it.
    Pool(String),
    /// Several pools serve it by weight; chance decides, or what stands here.
    Split(Vec<(String, u64)>, Option<String>),
    /// It is answered with this error, as it must reach no backend.
    Refuse(u16),
    /// It is answered like this.
    Respond(AnswerDraft),
    /// Its client is sent elsewhere, as the table of a `redirect` says.
    Redirect(String),
}

impl Action {
    /// Whether a pool gets it.
    pub(super) fn reaches_pool(&self) -> bool {
        matches!(self, Self::Pool(_) | Self::Split(..))
    }
}

/// An answer that is always the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerDraft {
    pub(super) status: u16,
    pub(super) media_type: Option<String>,
    /// What it says; without, what the proxy says.
    pub(super) text: Option<String>,
}

/// A `[[route]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteDraft {
    pub(super) comment: String,
    /// All of them have to match.
    pub(super) tests: Vec<Test>,
    /// None of these may match as a whole.
    pub(super) excluded: Vec<Vec<Test>>,
    pub(super) action: Action,
    pub(super) changes: Changes,
    /// `limits` and `mirror`.
    pub(super) keys: Keys,
}

/// A `[limit.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LimitDraft {
    pub(super) comment: String,
    pub(super) name: String,
    pub(super) keys: Keys,
}

/// A `[pool.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PoolDraft {
    pub(super) comment: String,
    pub(super) name: String,
    pub(super) keys: Keys,
    pub(super) queue: Keys,
    pub(super) retry: Keys,
    pub(super) health_check: Keys,
    pub(super) ejection: Keys,
    pub(super) responses: ResponsesDraft,
    /// Backends are spoken to over TLS if there is a table, even an empty one.
    pub(super) tls: Option<Keys>,
    pub(super) backends: Vec<BackendDraft>,
}

/// What becomes of a pool's responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ResponsesDraft {
    pub(super) compression: Keys,
    /// By which clients come back.
    pub(super) sticky: Keys,
    /// What errors are answered with.
    pub(super) error_pages: Vec<PageDraft>,
}

/// An `[[error_page]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageDraft {
    /// At least one.
    pub(super) statuses: Vec<u16>,
    /// If the name of its file doesn't show it.
    pub(super) media_type: Option<String>,
    pub(super) content: PageContent,
}

/// Where the content of a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageContent {
    Text(String),
    File(String),
}

/// An element of `backends`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BackendDraft {
    pub(super) address: String,
    pub(super) resolve: Option<&'static str>,
    pub(super) check_address: Option<String>,
    pub(super) keys: Keys,
    pub(super) is_draining: bool,
}

impl LimitDraft {
    /// Adds it, or finds the one that is just like it; says its name.
    pub(super) fn put(mut self, limits: &mut Vec<Self>) -> String {
        let is_same = |other: &&Self| other.comment == self.comment && other.keys == self.keys;
        if let Some(same) = limits.iter().find(is_same) {
            return same.name.clone();
        }
        let is_free = |name: &String| limits.iter().all(|other| other.name != *name);
        let others = (2_usize..).map(|number| format!("{}_{number}", self.name));
        self.name = std::iter::once(self.name.clone()).chain(others).find(is_free).unwrap_or_default();
        let name = self.name.clone();
        limits.push(self);
        name
    }
}

impl PoolDraft {
    /// Whether a configuration may have it: something in it serves.
    pub(super) fn serves(&self) -> bool {
        self.backends.iter().any(|backend| !backend.is_draining)
    }
}

impl Draft {
    /// Pages that all pools with routes have alike are those of all, and of what comes to no pool.
    pub(super) fn share_pages(&mut self) {
        let has_route = |pool: &PoolDraft| {
            self.routes.iter().any(|route| match &route.action {
                Action::Pool(name) => *name == pool.name,
                Action::Split(pools, _) => pools.iter().any(|(name, _)| *name == pool.name),
                _ => false,
            })
        };
        let mut pools = self.pools.iter().filter(|pool| has_route(pool));
        let Some(first) = pools.next() else { return };
        let pages = first.responses.error_pages.clone();
        if pools.all(|pool| pool.responses.error_pages == pages) {
            self.pools.iter_mut().for_each(|pool| pool.responses.error_pages.clear());
            self.error_pages = pages;
        }
    }

    pub(super) fn pool(&self, name: &str) -> Option<&PoolDraft> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// A name that no pool has yet.
    pub(super) fn free_name(&self, wanted: &str) -> String {
        let is_free = |name: &str| self.pool(name).is_none();
        if is_free(wanted) {
            return wanted.to_owned();
        }
        (2_usize..).map(|number| format!("{wanted}_{number}")).find(|name| is_free(name)).unwrap_or_default()
    }
}
