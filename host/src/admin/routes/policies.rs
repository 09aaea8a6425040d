//! `policies`, and the policy of one pool or route.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::pools;
use crate::admin::answer::{Answer, Refused, json};
use crate::admin::model::{PolicyList, PolicyState, Problem, VersionList};
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::control::status::{ConfigurationStatus, PolicyStatus};

/// Which policy of a pool.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfRoute {
    /// A route that has a policy of its own, as `policies` names it. Without it, the pool's.
    #[param(required = false, nullable = false)]
    pub(super) route: Option<String>,
}

/// All policies.
#[utoipa::path(
    get, path = "/policies", tag = "state",
    responses((status = 200, description = "all policies", body = PolicyList))
)]
pub(super) async fn policies(State(state): State<AdminState>) -> Answer {
    Ok(json(&view::policies(&state)))
}

/// The policy of a pool, or of one route to it.
#[utoipa::path(
    get, path = "/pools/{pool}/policy", tag = "state",
    params(("pool" = String, Path, description = "the pool's name"), OfRoute),
    responses(
        (status = 200, description = "the policy", body = PolicyState),
        (status = 400, description = "path or query isn't one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool, or no policy of that route", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn policy(
    State(state): State<AdminState>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<OfRoute>, QueryRejection>,
) -> Answer {
    let (Path(pool), Query(query)) = (path?, query?);
    let configuration = state.status.configuration();
    let policy = find(&configuration, &pool, query.route.as_deref())?;
    Ok(json(&view::policy(policy, state.clock)))
}

/// The versions of a policy that have served.
#[utoipa::path(
    get, path = "/pools/{pool}/policy/versions", tag = "state",
    params(("pool" = String, Path, description = "the pool's name"), OfRoute),
    responses(
        (status = 200, description = "the versions", body = VersionList),
        (status = 400, description = "path or query isn't one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool, or no policy of that route", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn versions(
    State(state): State<AdminState>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<OfRoute>, QueryRejection>,
) -> Answer {
    let (Path(pool), Query(query)) = (path?, query?);
    let configuration = state.status.configuration();
    let policy = find(&configuration, &pool, query.route.as_deref())?;
    Ok(json(&view::versions(policy, state.clock)))
}

/// The policy of this pool, or of this route to it.
///
/// # Errors
///
/// There is no such pool, or the route has no policy of its own.
pub(super) fn find<'a>(
    configuration: &'a ConfigurationStatus,
    pool: &str,
    route: Option<&str>,
) -> Result<&'a PolicyStatus, Refused> {
    pools::find(configuration, pool)?;
    let of_pool = configuration.policies.iter().filter(|policy| *policy.slot.pool().name == *pool);
    of_pool.clone().find(|policy| policy.slot.route() == route).ok_or_else(|| {
        let detail =
            format!("no route `{}` has a policy of its own for the pool `{pool}`", route.unwrap_or_default());
        Refused::not_found("unknown-route-policy", detail)
            .known(of_pool.filter_map(|policy| policy.slot.route()))
    })
}
