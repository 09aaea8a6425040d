//! The admin server: the API under `/api/v1`, and the probes.
//!
//! Nothing here is on the way of a request. It reads what the rest of the process publishes, and asks the control threads for changes.

mod answer;
pub mod model;
mod probes;
#[expect(unused_qualifications, reason = "the macro that documents a route writes them")]
mod routes;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod view;

use axum::Router;
use axum::http::{Method, Uri};

pub use server::{bind, serve};
pub use state::AdminState;

use answer::Refused;

/// All routes of the admin server.
#[must_use]
pub fn router(state: AdminState) -> Router {
    let (api, document) = routes::api().split_for_parts();
    let state = state.with_document(&document);
    Router::new()
        .merge(probes::router(state.status.clone()))
        .merge(api.with_state(state))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
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
