//! `events`.

use axum::extract::State;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
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
    #[serde(default, deserialize_with = "sequence")]
    #[param(required = false)]
    pub(super) since: u64,
}

/// A number that the document's `int64` can hold.
fn sequence<'de, D: Deserializer<'de>>(text: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(text)?;
    if number > i64::MAX.unsigned_abs() {
        return Err(D::Error::custom(format_args!("{number} is more than {}", i64::MAX)));
    }
    Ok(number)
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
