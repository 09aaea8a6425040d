//! Answers as JSON, and errors as `application/problem+json`.

use std::fmt::Display;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::model::{FaultState, Problem};
use crate::control::change::ChangeError;

/// Most names that an error lists.
const MOST_KNOWN: usize = 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An answer as JSON, or why there is none.
pub(super) type Answer = Result<Response, Refused>;

/// Why a request isn't done.
#[derive(Debug, Clone)]
pub(super) struct Refused(Box<Problem>);

impl Refused {
    pub(super) fn new(status: StatusCode, error: &str, detail: impl Display) -> Self {
        Self(Box::new(Problem {
            status: status.as_u16(),
            error: error.to_owned(),
            detail: detail.to_string(),
            field: None,
            known: Vec::new(),
            faults: Vec::new(),
        }))
    }

    pub(super) fn not_found(error: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, detail)
    }

    pub(super) fn method_not_allowed(detail: impl Display) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    /// A field of the body has a value that can't be.
    pub(super) fn bad_field(field: &str, detail: impl Display) -> Self {
        let mut refused = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-content", detail);
        refused.0.field = Some(field.to_owned());
        refused
    }

    /// Names the faults of a configuration.
    pub(super) fn faults(mut self, faults: impl IntoIterator<Item = FaultState>) -> Self {
        self.0.faults = faults.into_iter().collect();
        self
    }

    fn bad_request(error: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, detail)
    }

    /// Names what exists in place of what was asked for.
    pub(super) fn known<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.known = names.into_iter().take(MOST_KNOWN).map(str::to_owned).collect();
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response(status, PROBLEM, &*self.0)
    }
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        let (status, label) = match &error {
            ChangeError::Gone => (StatusCode::CONFLICT, "gone"),
            ChangeError::OtherVersion { .. } => (StatusCode::PRECONDITION_FAILED, "other-version"),
            ChangeError::UnknownVersion { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unknown-version"),
            ChangeError::NothingBefore => (StatusCode::CONFLICT, "no-version-before"),
            ChangeError::NotQuarantined => (StatusCode::CONFLICT, "not-in-quarantine"),
            ChangeError::NoPlugin(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no-plugin"),
            ChangeError::Ending => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
        };
        let refused = Self::new(status, label, &error);
        match &error {
            ChangeError::UnknownVersion { known, .. } => refused.known(known.iter().map(String::as_str)),
            _ => refused,
        }
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request("bad-path", rejection.body_text())
    }
}

impl From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request("bad-query", rejection.body_text())
    }
}

/// An answer as JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    response(StatusCode::OK, JSON, value)
}

/// An answer that takes a while to make: it is made beside the event loop, so that probes don't wait for it.
///
/// # Errors
///
/// It can't be made, or making it panicked.
pub(super) async fn json_of<T: Serialize>(
    make: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Answer {
    let made = tokio::task::spawn_blocking(move || make().map(|value| json(&value))).await;
    made.unwrap_or_else(|panic| Err(internal(panic)))
}

fn internal(error: impl Display) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error)
}

fn response(status: StatusCode, kind: HeaderValue, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
