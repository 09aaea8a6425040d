//! `version` and `openapi.json`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::admin::answer::{Answer, json};
use crate::admin::model::VersionReply;
use crate::admin::state::AdminState;

/// Which program answers.
#[utoipa::path(
    get, path = "/version", tag = "about",
    responses((status = 200, description = "the program and its version", body = VersionReply))
)]
pub(super) async fn version() -> Answer {
    Ok(json(&VersionReply {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
    }))
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "about",
    responses((status = 200, description = "the API as OpenAPI 3.1", body = serde_json::Value))
)]
pub(super) async fn document(State(state): State<AdminState>) -> Response {
    let mut response = Response::new(Body::from(state.document));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
