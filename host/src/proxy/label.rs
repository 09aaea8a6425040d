//! The proxy's own fields: the reason of a response that the proxy itself made, the explanation of a pick, and the mark of a copy.

use http::HeaderName;

/// The same label stands in the log and in metrics.
pub(super) static ERROR_HEADER: HeaderName = HeaderName::from_static("x-pointsman-error");

/// The field with which a client asks why its request goes where it goes, and in which it is told.
pub(super) static EXPLAIN_HEADER: HeaderName = HeaderName::from_static("x-pointsman-explain");

/// The field that marks a mirrored request. From strangers it never reaches a backend.
pub(super) static MIRROR_HEADER: HeaderName = HeaderName::from_static("x-pointsman-mirror");
