//! `pools` and their backends.

use std::slice;

use axum::extract::{Request, State};

use super::steering::{thousandths, who};
use crate::admin::answer::{Answer, Refused, json, json_of};
use crate::admin::body;
use crate::admin::extract::Path;
use crate::admin::model::{BackendChange, BackendPatch, BackendReply, PoolList, PoolReply, Problem};
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::control::overrides::{BackendName, OverridePatch};
use crate::control::status::{ConfigurationStatus, PoolStatus};

/// All pools.
#[utoipa::path(
    get, path = "/pools", tag = "state",
    responses((status = 200, description = "all pools with their backends", body = PoolList))
)]
pub(super) async fn pools(State(state): State<AdminState>) -> Answer {
    json_of(move || {
        let now = state.clock.now();
        let mut list = view::pools(&state.status.configuration(), now);
        view::judge(&mut list.pools, &state.recent, now);
        Ok(list)
    })
    .await
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
pub(super) async fn pool(State(state): State<AdminState>, Path(name): Path<String>) -> Answer {
    json_of(move || {
        let (configuration, now) = (state.status.configuration(), state.clock.now());
        let mut reply = view::pool_reply(find(&configuration, &name)?, now);
        view::judge(slice::from_mut(&mut reply.pool), &state.recent, now);
        Ok(reply)
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
    Path((pool, backend)): Path<(String, String)>,
) -> Answer {
    json_of(move || {
        let configuration = state.status.configuration();
        let pool = find(&configuration, &pool)?;
        has_backend(pool, &backend)?;
        let now = state.clock.now();
        let mut whole = view::pool_reply(pool, now).pool;
        view::judge(slice::from_mut(&mut whole), &state.recent, now);
        view::backend_of(whole, &backend)
            .ok_or_else(|| Refused::not_found("unknown-backend", "the backend was removed meanwhile"))
    })
    .await
}

/// Changes a backend until the file says something else of the same key, or the override is taken back.
#[utoipa::path(
    patch, path = "/pools/{pool}/backends/{backend}", tag = "change", request_body = BackendPatch,
    params(
        ("pool" = String, Path, description = "the pool's name"),
        ("backend" = String, Path, description = "the backend's name"),
    ),
    responses(
        (status = 200, description = "it is changed", body = BackendChange),
        (status = 400, description = "the path isn't one, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool or backend", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it was removed meanwhile", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is no JSON by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "the body isn't such a change", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_backend(
    State(state): State<AdminState>,
    Path((pool, backend)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let by = who(&request);
    let configuration = state.status.configuration();
    has_backend(find(&configuration, &pool)?, &backend)?;
    let BackendPatch { draining, weight } = body::json(request).await?;
    let weight = weight.map(|weight| weight.map(thousandths).transpose()).transpose()?;
    let name = BackendName { pool, backend };
    let patch = OverridePatch { draining, weight };
    let (overrides, survives_restart) = state.changes.override_backend(name.clone(), patch, by).await?;
    let BackendName { pool, backend } = name;
    Ok(json(&BackendChange { pool, backend, overrides: view::override_state(&overrides), survives_restart }))
}

fn has_backend(pool: &PoolStatus, name: &str) -> Result<(), Refused> {
    let topology = pool.pool.topology();
    let mut names = topology.backends().iter().map(|backend| &*backend.name);
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let detail = format!("the pool `{}` has no backend `{name}`", pool.pool.name);
    Err(Refused::not_found("unknown-backend", detail).known(&mut names))
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
