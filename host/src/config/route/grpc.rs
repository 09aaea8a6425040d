//! Routes for calls of gRPC that lead to where none is understood.

use pointsman_core::pool::BackendProtocol;
use pointsman_core::route::{Condition, Spoken};

use crate::config::model::{PoolConfig, RouteConfig};
use crate::config::read::{Section, list};

/// Says of routes for gRPC whose backends are asked in HTTP/1: calls need HTTP/2 on both sides.
pub(in crate::config) fn warn_of_http1(
    section: &mut Section<'_>,
    routes: &[RouteConfig],
    pools: &[(&str, Option<PoolConfig>)],
) {
    let items = section.get("route").and_then(|value| value.items(super::HINT)).unwrap_or_default();
    for (route, item) in routes.iter().zip(&items) {
        let is_for_calls = |condition: &Condition| matches!(condition, Condition::Protocol(spoken) if spoken[..] == [Spoken::Grpc]);
        if !route.pattern.conditions.iter().any(is_for_calls) {
            continue;
        }
        let speaks_http1 = |pool: &usize| match pools.get(*pool) {
            Some((name, Some(pool))) if pool.limits.protocol == BackendProtocol::Http1 => Some(*name),
            _ => None,
        };
        let asked_in_http1: Vec<&str> = route.pools().iter().filter_map(speaks_http1).collect();
        if !asked_in_http1.is_empty() {
            let names = list(asked_in_http1.into_iter());
            item.warn(
                format!(
                    "is for gRPC, and the backends of {names} are asked in HTTP/1, over which no call goes"
                ),
                "write `protocol = \"h2\"` in the section of that pool",
            );
        }
    }
}
