//! `events`.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::answer::{Answer, json};
use crate::admin::extract::Query;
use crate::admin::model::{EventList, Problem};
use crate::admin::state::AdminState;
use crate::admin::view;

/// Which events are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// The number of the last event that is known already; 0 = none.
    #[serde(default)]
    #[param(required = false)]
    pub(super) since: u64,
}

/// What has happened after `since`.
#[utoipa::path(
    get, path = "/events", tag = "state", params(Since),
    responses(
        (status = 200, description = "the events", body = EventList),
        (status = 400, description = "the query isn't one", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(State(state): State<AdminState>, Query(Since { since }): Query<Since>) -> Answer {
    Ok(json(&view::events(&state.log, since)))
}
