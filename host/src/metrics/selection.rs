//! What may be left out of a scrape.

/// What is wanted of a scrape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only these pools; all, if there is none.
    pools: Vec<String>,
    without_backends: bool,
}

impl Selection {
    /// What a query asks for: `pool=NAME`, which may be repeated, and `backends=0`. Anything else means nothing.
    #[must_use]
    pub fn of_query(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut selection = Self::default();
        for (key, value) in pairs {
            match key.as_str() {
                "pool" => selection.pools.push(value),
                "backends" => selection.without_backends = value == "0",
                _ => {}
            }
        }
        selection
    }

    pub(super) fn has_all_pools(&self) -> bool {
        self.pools.is_empty()
    }

    pub(super) fn has_pool(&self, name: &str) -> bool {
        self.has_all_pools() || self.pools.iter().any(|wanted| wanted == name)
    }

    pub(super) fn has_backends(&self) -> bool {
        !self.without_backends
    }
}
