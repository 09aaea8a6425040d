//! `GET /metrics`.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{Scrapes, Selection};

/// The route.
pub(super) fn router(scrapes: Scrapes) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(scrapes)
}

async fn metrics(
    State(scrapes): State<Scrapes>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let accept = accept.collect::<Vec<_>>().join(",");
    match scrapes.write(Selection::of_query(query), &accept).await {
        Some((content_type, text)) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
