//! `overview`.

use axum::extract::State;

use super::events::Since;
use crate::admin::answer::{Answer, json_of};
use crate::admin::extract::Query;
use crate::admin::model::{Overview, Problem};
use crate::admin::state::AdminState;
use crate::admin::view;

/// Everything at a glance, as counters, and the events after `since`.
#[utoipa::path(
    get, path = "/overview", tag = "state", params(Since),
    responses(
        (status = 200, description = "the whole proxy at this moment", body = Overview),
        (status = 400, description = "the query isn't one", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn overview(
    State(state): State<AdminState>,
    Query(Since { since }): Query<Since>,
) -> Answer {
    json_of(move || Ok(view::overview(&state, since))).await
}
