//! `configuration`.

use axum::extract::State;

use crate::admin::answer::{Answer, json};
use crate::admin::model::ConfigurationState;
use crate::admin::state::AdminState;
use crate::admin::view;

/// The configuration that serves, and why what is in the file doesn't, if it doesn't.
#[utoipa::path(
    get, path = "/configuration", tag = "state",
    responses((status = 200, description = "the configuration", body = ConfigurationState))
)]
pub(super) async fn configuration(State(state): State<AdminState>) -> Answer {
    Ok(json(&view::configuration(&state.status.configuration())))
}
