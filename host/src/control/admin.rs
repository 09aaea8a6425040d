//! The admin server: whether the proxy is alive, and whether it should get traffic.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::watch;

use crate::worker::Phase;

/// Binds the admin address.
///
/// # Errors
///
/// It can't be bound.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Serves until the task is dropped.
///
/// `GET /live` is 200 as long as the process answers; `GET /ready` is 200 while it serves and 503 once it drains, so
/// that whoever sends it traffic stops in time.
///
/// # Errors
///
/// The socket fails.
pub async fn serve(socket: TcpListener, phase: watch::Receiver<Phase>) -> std::io::Result<()> {
    let ready = move || async move {
        match *phase.borrow() {
            Phase::Serving => (StatusCode::OK, "ready\n"),
            Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    };
    let router = Router::new().route("/live", get(async || "live\n")).route("/ready", get(ready));
    axum::serve(tokio::net::TcpListener::from_std(socket)?, router).await
}
