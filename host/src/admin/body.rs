//! Bodies of requests, of limited length and time.

use std::fmt::Display;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use pointsman_sdk::abi::limit::FILE_BYTES;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::answer::Refused;

/// Largest JSON, bytes.
const JSON_BYTES: usize = 64 << 10;

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The body of a request as a plugin, or as JSON.
pub(super) enum PluginOrJson<T> {
    Plugin(Bytes),
    Json(T),
}

/// The JSON in a request.
///
/// # Errors
///
/// It says that it is something else, is too large, or isn't what is asked for.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Refused> {
    match media_type(request.headers()).as_deref() {
        Some("application/json") => parse(&read(request, JSON_BYTES).await?),
        _ => Err(unsupported("send `content-type: application/json`")),
    }
}

/// The plugin or the JSON in a request.
///
/// # Errors
///
/// It says that it is something else, is too large, or isn't what is asked for.
pub(super) async fn plugin_or_json<T: DeserializeOwned>(
    request: Request,
) -> Result<PluginOrJson<T>, Refused> {
    match media_type(request.headers()).as_deref() {
        // As large as a plugin file may be: what serves from a file can be put, too.
        Some("application/wasm") => read(request, FILE_BYTES).await.map(PluginOrJson::Plugin),
        Some("application/json") => parse(&read(request, JSON_BYTES).await?).map(PluginOrJson::Json),
        _ => Err(unsupported(
            "send `content-type: application/wasm` with a plugin, or `application/json` with a name",
        )),
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next()?.trim().to_ascii_lowercase())
}

async fn read(request: Request, most: usize) -> Result<Bytes, Refused> {
    let too_large = || {
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("at most {most} bytes are taken"),
        )
    };
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), most)).await;
    let body = body.map_err(|_| {
        Refused::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "the body took too long to come")
    })?;
    // What else can go wrong is that the client has left, who then gets no answer either.
    body.map_err(|_| too_large())
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refused> {
    let bad_content =
        |detail: &dyn Display| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-content", detail);
    let content = serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => bad_content(&error),
        Category::Io | Category::Syntax | Category::Eof => {
            Refused::new(StatusCode::BAD_REQUEST, "bad-json", error)
        }
    })?;
    // An array of the values would be taken as well, by the order of the members.
    if json.trim_ascii_start().starts_with(b"{") { Ok(content) } else { Err(bad_content(&"it is no object")) }
}

fn unsupported(detail: &str) -> Refused {
    Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", detail)
}
