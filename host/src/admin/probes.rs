//! Probes: whether the proxy is alive, and whether it should get traffic.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::control::status::StatusView;
use crate::worker::Phase;

/// `GET /live` is 200 as long as the process answers; `GET /ready` is 200 while it serves and 503 once it is about to drain, so that a load
/// balancer in front stops sending traffic in time.
pub(super) fn router(status: StatusView) -> Router {
    let ready = move || async move {
        match status.phase() {
            Phase::Serving => (StatusCode::OK, "ready\n"),
            Phase::Leaving | Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    };
    Router::new().route("/live", get(async || "live\n")).route("/ready", get(ready))
}
