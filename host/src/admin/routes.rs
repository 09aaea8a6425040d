//! The routes of the API, one file for each group. Each is documented where it is written: a route without a document can't be added.

mod configuration;
mod document;
mod events;
mod explanations;
mod overview;
mod policies;
mod pools;
mod steering;
mod swapping;
mod workers;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The document, as far as it isn't about single routes.
#[derive(OpenApi)]
#[openapi(info(
    title = "Pointsman admin API",
    description = "Sees and steers a running proxy. Names in paths are percent-encoded. Every error is an `application/problem+json`.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Document;

/// All routes with their document.
pub(super) fn api() -> OpenApiRouter<AdminState> {
    let routes = OpenApiRouter::new()
        .routes(routes!(overview::overview))
        .routes(routes!(pools::pools))
        .routes(routes!(pools::pool))
        .routes(routes!(pools::backend, pools::change_backend))
        .routes(routes!(policies::policies))
        .routes(routes!(policies::policy, swapping::swap))
        .routes(routes!(policies::versions))
        .routes(routes!(swapping::roll_back))
        .routes(routes!(swapping::unquarantine))
        .routes(routes!(steering::overrides, steering::clear_overrides))
        .routes(routes!(steering::reload))
        .routes(routes!(steering::log_level, steering::set_log_level))
        .routes(routes!(workers::workers))
        .routes(routes!(configuration::configuration))
        .routes(routes!(events::events))
        .routes(routes!(explanations::explanation))
        .routes(routes!(document::version))
        .routes(routes!(document::document));
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", routes)
}
