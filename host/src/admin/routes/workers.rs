//! `workers`.

use axum::extract::State;

use crate::admin::answer::{Answer, json};
use crate::admin::model::WorkerList;
use crate::admin::state::AdminState;
use crate::admin::view;

/// All workers.
#[utoipa::path(
    get, path = "/workers", tag = "state",
    responses((status = 200, description = "all workers", body = WorkerList))
)]
pub(super) async fn workers(State(state): State<AdminState>) -> Answer {
    Ok(json(&view::workers(&state.scrapes)))
}
