//! The field that names the reason of a response that the proxy itself made.

use http::HeaderName;

/// The same label stands in the log and in metrics.
pub(super) static ERROR_HEADER: HeaderName = HeaderName::from_static("x-pointsman-error");
