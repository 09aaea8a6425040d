//! The version of a policy: another one, the one before, one that was kept out.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use pointsman_policy::SwapOutcome;
use serde::Deserialize;
use utoipa::IntoParams;

use super::policies::{OfRoute, Place, find};
use super::steering::who;
use crate::admin::answer::{Answer, Refused, json};
use crate::admin::body::{self, PluginOrJson};
use crate::admin::extract::{Path, Query};
use crate::admin::model::{PolicyChange, PolicyName, PolicyResult, Problem, VersionChoice};
use crate::admin::state::AdminState;
use crate::control::change::{PluginSource, PolicyAction, PolicyChanged, PolicyPlace};

/// Which policy is swapped, and for what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Swapped {
    /// A route that has a policy of its own, as `policies` names it. Without it, the pool's.
    #[param(required = false, nullable = false)]
    route: Option<String>,
    /// How the file of a plugin in the body is called, under which name it is told of. Of a path the last part counts; other characters than
    /// ASCII letters and digits, `-`, `_` and `.` become `_`.
    #[param(required = false, nullable = false)]
    file: Option<String>,
}

/// Has another plugin serve. The answer comes when it is published, or refused by admission.
#[utoipa::path(
    put, path = "/pools/{pool}/policy", tag = "change",
    params(
        ("pool" = String, Path, description = "the pool's name"), Swapped,
        ("if-match" = Option<String>, Header, description = "the version that it is to replace"),
    ),
    request_body(content((Vec<u8> = "application/wasm"), (PolicyName = "application/json"))),
    responses(
        (status = 200, description = "it serves", body = PolicyChange),
        (status = 400, description = "path or query isn't one, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool, or no policy of that route", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it was removed meanwhile", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "another version serves than the one in `if-match`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "the body is larger than any plugin", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is neither by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "it can't serve; the version before it does", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn swap(
    State(state): State<AdminState>,
    Path(pool): Path<String>,
    Query(Swapped { route, file }): Query<Swapped>,
    request: Request,
) -> Answer {
    let place = PolicyPlace { pool, route };
    find(&state.status.configuration(), &place)?;
    let by = who(&request);
    let if_match = request.headers().get(header::IF_MATCH);
    let if_match = if_match.map(|version| String::from_utf8_lossy(version.as_bytes()).into_owned());
    let source = match body::plugin_or_json(request).await? {
        PluginOrJson::Plugin(content) => PluginSource::Content { file, content: content.into() },
        PluginOrJson::Json(PolicyName { name }) => PluginSource::Named(name),
    };
    change(&state, place, PolicyAction::Swap(source, if_match), by, PolicyResult::Unchanged).await
}

/// Goes back to a version that has served: the one before, if none is named.
#[utoipa::path(
    post, path = "/pools/{pool}/policy/rollback", tag = "change", request_body = VersionChoice,
    params(("pool" = String, Path, description = "the pool's name"), OfRoute),
    responses(
        (status = 200, description = "it serves", body = PolicyChange),
        (status = 400, description = "path or query isn't one, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool, or no policy of that route", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "no version has served before", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is no JSON by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "no such version has served, or it can't serve any more", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn roll_back(
    State(state): State<AdminState>,
    Place(place): Place,
    request: Request,
) -> Answer {
    choose(&state, place, PolicyAction::Rollback, PolicyResult::Unchanged, request).await
}

/// Lets a version in again that was taken back on probation. It doesn't serve yet.
#[utoipa::path(
    post, path = "/pools/{pool}/policy/unquarantine", tag = "change", request_body = VersionChoice,
    params(("pool" = String, Path, description = "the pool's name"), OfRoute),
    responses(
        (status = 200, description = "it is let in again", body = PolicyChange),
        (status = 400, description = "path or query isn't one, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such pool, or no policy of that route", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "no such version is kept out", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is no JSON by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "the body isn't such a choice", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn unquarantine(
    State(state): State<AdminState>,
    Place(place): Place,
    request: Request,
) -> Answer {
    choose(&state, place, PolicyAction::Unquarantine, PolicyResult::Unquarantined, request).await
}

/// Does something with the version that the body names.
async fn choose(
    state: &AdminState,
    place: PolicyPlace,
    action: fn(Option<String>) -> PolicyAction,
    unchanged: PolicyResult,
    request: Request,
) -> Answer {
    find(&state.status.configuration(), &place)?;
    let by = who(&request);
    let VersionChoice { version } = body::json(request).await?;
    change(state, place, action(version), by, unchanged).await
}

async fn change(
    state: &AdminState,
    place: PolicyPlace,
    action: PolicyAction,
    by: String,
    unchanged: PolicyResult,
) -> Answer {
    let PolicyChanged { outcome, survives_restart } = state.changes.change_policy(place, action, by).await?;
    match outcome {
        SwapOutcome::Swapped(swap) => Ok(json(&PolicyChange {
            result: PolicyResult::Swapped,
            version: swap.to.to_string(),
            before: Some(swap.from.to_string()),
            survives_restart,
        })),
        SwapOutcome::Unchanged(version) => {
            let version = version.to_string();
            Ok(json(&PolicyChange { result: unchanged, version, before: None, survives_restart }))
        }
        SwapOutcome::Refused(refusal) => {
            Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.label(), &refusal))
        }
    }
}
