//! `pools` and their backends.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::admin::answer::{Answer, Refused, json_of};
use crate::admin::model::{BackendReply, PoolList, PoolReply, Problem};
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::control::status::{ConfigurationStatus, PoolStatus};

/// All pools.
#[utoipa::path(
    get, path = "/pools", tag = "state",
    responses((status = 200, description = "all pools with their backends", body = PoolList))
)]
pub(super) async fn pools(State(state): State<AdminState>) -> Answer {
    json_of(move || Ok(view::pools(&state.status.configuration()))).await
}

/// One pool.
#[utoipa::path(
    get, path = "/pools/{pool}", tag = "state",
    params(("pool" = String, Path, description = "the pool's name")),
    responses(
        (status = 200, description = "the pool with its backends", body = PoolReply),
        (status = 400, description = "the path isn't one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pool(
    State(state): State<AdminState>,
    path: Result<Path<String>, PathRejection>,
) -> Answer {
    let Path(name) = path?;
    json_of(move || {
        let configuration = state.status.configuration();
        Ok(view::pool_reply(find(&configuration, &name)?))
    })
    .await
}

/// One backend.
#[utoipa::path(
    get, path = "/pools/{pool}/backends/{backend}", tag = "state",
    params(
        ("pool" = String, Path, description = "the pool's name"),
        ("backend" = String, Path, description = "the backend's name"),
    ),
    responses(
        (status = 200, description = "the backend", body = BackendReply),
        (status = 400, description = "the path isn't one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool or backend", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn backend(
    State(state): State<AdminState>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let Path((pool, backend)) = path?;
    json_of(move || {
        let configuration = state.status.configuration();
        let pool = find(&configuration, &pool)?;
        view::backend_reply(pool, &backend).ok_or_else(|| {
            let topology = pool.pool.topology();
            let detail = format!("the pool `{}` has no backend `{backend}`", pool.pool.name);
            let known = topology.backends().iter().map(|backend| &*backend.name);
            Refused::not_found("unknown-backend", detail).known(known)
        })
    })
    .await
}

/// The pool of this name.
///
/// # Errors
///
/// There is none.
pub(super) fn find<'a>(
    configuration: &'a ConfigurationStatus,
    name: &str,
) -> Result<&'a PoolStatus, Refused> {
    configuration.pools.iter().find(|pool| *pool.pool.name == *name).ok_or_else(|| {
        let known = configuration.pools.iter().map(|pool| &*pool.pool.name);
        Refused::not_found("unknown-pool", format!("there is no pool `{name}`")).known(known)
    })
}
