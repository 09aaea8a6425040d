//! `reload`, `log-level` and `overrides`: what is changed of the proxy as a whole.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json as value;

use crate::admin::answer::{Answer, Refused, json};
use crate::admin::body;
use crate::admin::model::{LogLevel, Nothing, OverrideList, OverridesCleared, Problem, ReloadReply};
use crate::admin::server::Peer;
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::control::change::{ChangeError, Reload};

/// Reads the configuration file again. The answer comes when it serves, or is refused.
#[utoipa::path(
    post, path = "/reload", tag = "change", request_body = Nothing,
    responses(
        (status = 200, description = "what the file says serves", body = ReloadReply),
        (status = 400, description = "the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is no JSON by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "the file can't serve, see `faults`; or the body isn't an empty object", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reload(State(state): State<AdminState>, request: Request) -> Answer {
    let by = who(&request);
    let Nothing {} = body::json(request).await?;
    let reload = state.changes.reload().await.ok_or_else(|| Refused::from(ChangeError::Ending))?;
    tracing::info!(event = "reload-asked", by, result = %reload, "an operator has asked for a reload");
    match reload {
        Reload::Done(generation) => Ok(json(&ReloadReply { changed: true, configuration: generation.0 })),
        Reload::Unchanged => {
            let generation = state.status.configuration().generation;
            Ok(json(&ReloadReply { changed: false, configuration: generation.0 }))
        }
        Reload::Refused(errors) => {
            let detail = "the configuration file can't serve; the one before it serves on";
            let refused = Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration-refused", detail);
            Err(refused.faults(errors.iter().map(view::fault)))
        }
    }
}

/// What is logged.
#[utoipa::path(
    get, path = "/log-level", tag = "state",
    responses((status = 200, description = "the level", body = LogLevel))
)]
pub(super) async fn log_level(State(state): State<AdminState>) -> Answer {
    Ok(json(&LogLevel { level: state.log.filter().unwrap_or_else(|| "off".to_owned()) }))
}

/// Logs something else from now on, until the process ends.
#[utoipa::path(
    put, path = "/log-level", tag = "change", request_body = LogLevel,
    responses(
        (status = 200, description = "the level", body = LogLevel),
        (status = 400, description = "the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the body is no JSON by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "it isn't a level", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn set_log_level(State(state): State<AdminState>, request: Request) -> Answer {
    let by = who(&request);
    let LogLevel { level } = body::json(request).await?;
    let before = state.log.set_filter(&level).map_err(|error| Refused::bad_field("level", error))?;
    tracing::warn!(event = "log-level-changed", by, before, level, "an operator has changed what is logged");
    Ok(json(&LogLevel { level }))
}

/// What differs from the configuration file, since when, and by whom.
#[utoipa::path(
    get, path = "/overrides", tag = "state",
    responses((status = 200, description = "all overrides", body = OverrideList))
)]
pub(super) async fn overrides(State(state): State<AdminState>) -> Answer {
    Ok(json(&view::overrides(&state.status.configuration())))
}

/// Takes all overrides back: those of backends, and policies that were put. The answer comes when the file's policies serve, or are refused.
#[utoipa::path(
    delete, path = "/overrides", tag = "change",
    responses(
        (status = 200, description = "the file counts again", body = OverridesCleared),
        (status = 422, description = "what the file says of some policies can't serve, see `faults`; the others, and all backends, are as it says", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the process is ending", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn clear_overrides(State(state): State<AdminState>, request: Request) -> Answer {
    let cleared = state.changes.clear_overrides(who(&request)).await?;
    if !cleared.left.is_empty() {
        let detail = "what the file says of some policies can't serve; what was put there serves on";
        let refused = Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "overrides-left", detail);
        return Err(refused.faults(cleared.left.iter().map(view::fault)));
    }
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(json(&OverridesCleared {
        backends: count(cleared.backends),
        policies: count(cleared.policies),
        survives_restart: cleared.survives_restart,
    }))
}

/// Who asks, for the log.
pub(super) fn who(request: &Request) -> String {
    request.extensions().get::<Peer>().map(Peer::to_string).unwrap_or_default()
}

/// A weight in thousandths.
///
/// # Errors
///
/// It is out of bounds.
pub(super) fn thousandths(weight: f64) -> Result<u32, Refused> {
    if (0.001..=1_000.0).contains(&weight) {
        return Ok((weight * 1_000.0).round() as u32);
    }
    Err(Refused::bad_field("weight", format!("{} isn't from 0.001 to 1000", value!(weight))))
}
