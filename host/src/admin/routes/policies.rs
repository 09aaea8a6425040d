//! `policies`, and the policy of one pool or route.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::pools;
use crate::admin::answer::{Answer, Refused, json};
use crate::admin::extract::{Path, Query};
use crate::admin::model::{PolicyList, PolicyState, Problem, VersionList};
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::control::change::PolicyPlace;
use crate::control::status::{ConfigurationStatus, PolicyStatus};

/// Which policy of a pool.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfRoute {
    /// A route that has a policy of its own, as `policies` names it. Without it, the pool's.
    #[param(required = false, nullable = false)]
    route: Option<String>,
}

/// The policy that a request is about.
pub(super) struct Place(pub(super) PolicyPlace);

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Path(pool) = Path::from_request_parts(parts, state).await?;
        let Query(OfRoute { route }) = Query::from_request_parts(parts, state).await?;
        Ok(Self(PolicyPlace { pool, route }))
    }
}

/// All policies.
#[utoipa::path(
    get, path = "/policies", tag = "state",
    responses((status = 200, description = "all policies", body = PolicyList))
)]
pub(super) async fn policies(State(state): State<AdminState>) -> Answer {
    Ok(json(&view::policies(&state.status.configuration(), state.clock)))
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
pub(super) async fn policy(State(state): State<AdminState>, Place(place): Place) -> Answer {
    let configuration = state.status.configuration();
    let policy = find(&configuration, &place)?;
    Ok(json(&view::policy(&configuration, policy, state.clock)))
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
pub(super) async fn versions(State(state): State<AdminState>, Place(place): Place) -> Answer {
    let configuration = state.status.configuration();
    let policy = find(&configuration, &place)?;
    Ok(json(&view::versions(policy, state.clock)))
}

/// The policy of this pool, or of this route to it.
///
/// # Errors
///
/// There is no such pool, or the route has no policy of its own.
pub(super) fn find<'a>(
    configuration: &'a ConfigurationStatus,
    place: &PolicyPlace,
) -> Result<&'a PolicyStatus, Refused> {
    let PolicyPlace { pool, route } = place;
    pools::find(configuration, pool)?;
    let of_pool = configuration.policies.iter().filter(|policy| *policy.slot.pool().name == **pool);
    of_pool.clone().find(|policy| policy.slot.route() == route.as_deref()).ok_or_else(|| {
        let route = route.as_deref().unwrap_or_default();
        let detail = format!("no route `{route}` has a policy of its own for the pool `{pool}`");
        Refused::not_found("unknown-route-policy", detail)
            .known(of_pool.filter_map(|policy| policy.slot.route()))
    })
}
