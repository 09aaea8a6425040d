//! The configuration that is being made, before it is text.

use super::matching::Test;

/// Keys of a section with their values as they are written, in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys(Vec<(&'static str, String)>);

impl Keys {
    /// Sets a key, also one that has a value.
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys in the given order, and then all others.
    pub(super) fn in_order<'a>(
        &'a self,
        order: &'a [&'static str],
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        let place = |key: &str| order.iter().position(|name| *name == key).unwrap_or(order.len());
        let mut keys: Vec<_> = self.0.iter().map(|(key, value)| (*key, value.as_str())).collect();
        keys.sort_by_key(|(key, _)| place(key));
        keys.into_iter()
    }
}

/// The whole of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) top: Keys,
    pub(super) access_log: Keys,
    pub(super) dns: Keys,
    pub(super) listeners: Vec<ListenerDraft>,
    pub(super) routes: Vec<RouteDraft>,
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
    /// It is answered with an error, and reaches no backend.
    Refuse(u16),
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
    /// Backends are spoken to over TLS if there is a table, even an empty one.
    pub(super) tls: Option<Keys>,
    pub(super) backends: Vec<BackendDraft>,
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

impl PoolDraft {
    /// Whether a configuration may have it: something in it serves.
    pub(super) fn serves(&self) -> bool {
        self.backends.iter().any(|backend| !backend.is_draining)
    }
}

impl Draft {
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
