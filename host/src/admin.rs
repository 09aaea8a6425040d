//! The admin server: the API under `/api/v1`, and the probes.
//!
//! Nothing here is on the way of a request. It reads what the rest of the process publishes, and asks the control threads for changes.

mod answer;
mod body;
mod extract;
mod guard;
pub mod model;
mod probes;
mod recent;
#[expect(unused_qualifications, reason = "the macro that documents a route writes them")]
mod routes;
mod scrape;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod view;

use std::convert::Infallible;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;

use crate::control::status::StatusView;
use crate::metrics::Scrapes;

pub use guard::Guard;
pub use server::serve;
pub use state::AdminState;
pub use token::TokenError;

use crate::dashboard;

use answer::Refused;

/// All routes of the admin server, for those whom the guard lets in.
pub fn router(state: AdminState, guard: Guard) -> Router {
    let (api, document) = routes::api().split_for_parts();
    let state = state.with_document(&document);
    Router::new()
        .merge(dashboard::router())
        .merge(probes::router(state.status.clone()))
        .merge(scrape::router(state.scrapes.clone()))
        .merge(api.with_state(state))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(guard, guard::guard))
}

/// Reads the counters again and again, so that the API can say what the last seconds have brought. Never ends.
pub fn follow_counters(state: &AdminState) -> impl Future<Output = Infallible> + Send + use<> {
    let (status, clock) = (state.status.clone(), state.clock);
    state.recent.clone().follow(move || {
        let (configuration, now) = (status.configuration(), clock.now());
        (now, view::pools(&configuration, now).pools, view::policies(&configuration, clock).policies)
    })
}

/// The routes of the listener for metrics: the probes as well, and nothing else.
pub fn metrics_router(status: &StatusView, scrapes: Scrapes) -> Router {
    probes::router(status.clone()).merge(scrape::router(scrapes))
}

/// The API's document.
#[cfg(test)]
pub(crate) fn document() -> serde_json::Value {
    serde_json::to_value(routes::api().into_openapi()).expect("a document")
}

async fn no_such_route(uri: Uri) -> Refused {
    Refused::not_found(
        "unknown-route",
        format!("there is nothing at {}; see /api/v1/openapi.json", uri.path()),
    )
}

async fn no_such_method(method: Method) -> Refused {
    Refused::method_not_allowed(format!("{method} isn't possible here; the field `allow` says what is"))
}
