//! The dashboard: one page with its scripts and styles, embedded in the binary.
//!
//! The page comes from `/` and is asked for anew each time. All else lies below `/assets/` and a digest of all their contents, so that
//! a browser keeps it for good and never mixes the files of two versions; as they lie side by side, modules import each other by name.

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const PAGE: &str = include_str!("dashboard/assets/index.html");

/// What the page writes where the address of the other files belongs.
const PLACE: &str = "{assets}";

macro_rules! assets {
    ($($name:literal: $kind:expr,)*) => {
        [$(Asset { name: $name, kind: $kind, content: include_str!(concat!("dashboard/assets/", $name)) }),*]
    };
}

const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const STYLE: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const IMAGE: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: HeaderValue,
    content: &'static str,
}

static ASSETS: LazyLock<[Asset; 25]> = LazyLock::new(|| {
    assets! {
        "actions.mjs": SCRIPT,
        "api.mjs": SCRIPT,
        "attention.mjs": SCRIPT,
        "backend_row.mjs": SCRIPT,
        "charts.mjs": SCRIPT,
        "dialog.mjs": SCRIPT,
        "dom.mjs": SCRIPT,
        "events.mjs": SCRIPT,
        "explain.mjs": SCRIPT,
        "format.mjs": SCRIPT,
        "icon.svg": IMAGE,
        "main.mjs": SCRIPT,
        "policies.mjs": SCRIPT,
        "poll.mjs": SCRIPT,
        "pools.mjs": SCRIPT,
        "quantiles.mjs": SCRIPT,
        "readings.mjs": SCRIPT,
        "sparkline.mjs": SCRIPT,
        "status.mjs": SCRIPT,
        "style.css": STYLE,
        "theme.mjs": SCRIPT,
        "uplot.LICENSE": TEXT,
        "uplot.css": STYLE,
        "uplot.js": SCRIPT,
        "workers.mjs": SCRIPT,
    }
});

/// Where the other files lie. It changes with each of their contents.
static PLACE_OF_ASSETS: LazyLock<String> = LazyLock::new(|| {
    let mut digest = DefaultHasher::new();
    ASSETS.iter().for_each(|asset| (asset.name, asset.content).hash(&mut digest));
    format!("/assets/{:016x}", digest.finish())
});

/// The routes of the page and its files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = PAGE.replace(PLACE, &PLACE_OF_ASSETS);
    Router::new()
        .route("/", get(async move || answer(HTML, HeaderValue::from_static("no-cache"), page)))
        .route(&format!("{}/{{name}}", *PLACE_OF_ASSETS), get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => answer(asset.kind.clone(), forever, asset.content),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(kind: HeaderValue, caching: HeaderValue, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], body).into_response()
}
