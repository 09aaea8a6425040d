//! The rules of a route and its pool together.

use http::HeaderName;

use super::{HeaderAction, HeaderChange, HeaderRulesConfig, HostHeader, NamedValue, Piece, Template};

/// All rules for the requests of a route that go to a pool, in the order in which they apply: the route's, then the pool's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeaderPlan {
    /// Of requests, before a backend is picked: policies see what comes of it.
    pub before_pick: Vec<HeaderChange>,
    /// Of requests, once it is known which backend gets it. No field of these is in `before_pick`.
    pub at_backend: Vec<HeaderChange>,
    /// Of responses.
    pub response: Vec<HeaderChange>,
    /// `Host` towards the backend.
    pub host: HostHeader,
    /// Whether backends are spoken to over TLS, where another port than in clear goes without saying.
    pub over_tls: bool,
}

impl HeaderPlan {
    /// Of a route with this name to a pool with that name, if there are any rules. A route that leads to no pool has an empty one.
    #[must_use]
    pub fn new(
        (route_name, route): (Option<&str>, &HeaderRulesConfig),
        (pool_name, pool): (&str, &HeaderRulesConfig),
        over_tls: bool,
    ) -> Option<Self> {
        if *route == HeaderRulesConfig::default() && *pool == HeaderRulesConfig::default() {
            return None;
        }
        let named = |changes: &[HeaderChange]| -> Vec<HeaderChange> {
            changes
                .iter()
                .map(|change| change.with_names(route_name.unwrap_or_default(), pool_name))
                .collect()
        };
        let (of_route, of_pool) = (named(&route.request), named(&pool.request));
        // All changes of a field are made at one time, so that they keep their order.
        let late: Vec<HeaderName> = of_route
            .iter()
            .filter(|change| change.needs_backend())
            .map(|change| change.name.clone())
            .collect();
        let (mut at_backend, before_pick): (Vec<_>, _) =
            of_route.into_iter().partition(|change| late.contains(&change.name));
        at_backend.extend(of_pool);
        let mut response = named(&route.response);
        response.extend(named(&pool.response));
        let host = route.host.clone().or_else(|| pool.host.clone()).unwrap_or_default();
        Some(Self { before_pick, at_backend, response, host, over_tls })
    }
}

impl HeaderChange {
    /// The value that it gives the field, if it does.
    #[must_use]
    pub fn template(&self) -> Option<&Template> {
        match &self.action {
            HeaderAction::Remove => None,
            HeaderAction::Set(template) | HeaderAction::Add(template) => Some(template),
        }
    }

    fn needs_backend(&self) -> bool {
        self.template().is_some_and(|template| template.holds(NamedValue::Backend))
    }

    /// The same with these names in their places.
    fn with_names(&self, route: &str, pool: &str) -> Self {
        let action = match &self.action {
            HeaderAction::Remove => HeaderAction::Remove,
            HeaderAction::Set(template) => HeaderAction::Set(template.with_names(route, pool)),
            HeaderAction::Add(template) => HeaderAction::Add(template.with_names(route, pool)),
        };
        Self { name: self.name.clone(), action }
    }
}

impl Template {
    /// Whether this value is in it.
    #[must_use]
    pub fn holds(&self, value: NamedValue) -> bool {
        self.values().any(|held| held == value)
    }

    /// The values that are in it.
    pub fn values(&self) -> impl Iterator<Item = NamedValue> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(value) => Some(*value),
        })
    }

    fn with_names(&self, route: &str, pool: &str) -> Self {
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            let text = match piece {
                Piece::Text(text) => text,
                Piece::Value(NamedValue::Route) => route,
                Piece::Value(NamedValue::Pool) => pool,
                Piece::Value(_) => {
                    pieces.push(piece.clone());
                    continue;
                }
            };
            match pieces.last_mut() {
                Some(Piece::Text(before)) => *before = format!("{before}{text}").into(),
                _ if text.is_empty() => {}
                _ => pieces.push(Piece::Text(text.into())),
            }
        }
        Self(pieces.into())
    }
}
