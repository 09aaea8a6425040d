//! What the proxy has to know of gRPC: which messages belong to it, how a call's status is told, and what it means in HTTP's terms.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod health;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pointsman_core::backend::ResponseClass;
use pointsman_core::counts::CALL_STATUSES;
use pointsman_core::printable::percent_encode;

/// The field that tells a call's status: in the trailers, or in the head of a response that has nothing else.
pub static STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The field that explains it.
pub static MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The media type, which `+` and the encoding of the messages may follow.
pub const MEDIA_TYPE: &str = "application/grpc";

/// Whether a message with these fields belongs to a call. Those of gRPC-Web don't: they are plain HTTP.
#[must_use]
pub fn is_call(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| is_media_type(value.as_bytes()))
}

fn is_media_type(value: &[u8]) -> bool {
    value.split_at_checked(MEDIA_TYPE.len()).is_some_and(|(name, rest)| {
        name.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
            && matches!(rest.trim_ascii_start().first(), None | Some(b'+' | b';'))
    })
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallStatus(u16);

impl CallStatus {
    /// It succeeded.
    pub const OK: Self = Self(0);
    const CANCELLED: Self = Self(1);
    /// Nobody says how it ended.
    pub const UNKNOWN: Self = Self(2);
    /// It took too long. Its backend may have done it all the same.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    const PERMISSION_DENIED: Self = Self(7);
    /// It is too large, or too much.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    const UNIMPLEMENTED: Self = Self(12);
    const INTERNAL: Self = Self(13);
    const UNAVAILABLE: Self = Self(14);
    const DATA_LOSS: Self = Self(15);
    const UNAUTHENTICATED: Self = Self(16);

    /// What these fields say, if they do. What is no number is an unknown status, as it is for clients.
    #[must_use]
    pub fn read(fields: &HeaderMap) -> Option<Self> {
        let value = fields.get(&STATUS)?.to_str().ok();
        Some(value.and_then(|value| value.parse().ok()).map_or(Self::UNKNOWN, Self))
    }

    /// What a response of the proxy's own with this status is for a call: what a client would make of it by gRPC's own table, but
    /// for 400 and 413, which gRPC has better names for.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            413 => Self::RESOURCE_EXHAUSTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// What a stream that was reset with this code of HTTP/2 is for a call, by gRPC's own table.
    #[must_use]
    pub fn of_reset(code: u32) -> Self {
        match code {
            // REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY.
            0x7 => Self::UNAVAILABLE,
            0x8 => Self::CANCELLED,
            0xb => Self::RESOURCE_EXHAUSTED,
            0xc => Self::PERMISSION_DENIED,
            _ => Self::INTERNAL,
        }
    }

    /// The failure of the backend that it stands for, if it stands for one.
    #[must_use]
    pub fn failure(self) -> Option<CallFailure> {
        let (status, class) = match self {
            Self::UNAVAILABLE => (StatusCode::SERVICE_UNAVAILABLE, ResponseClass::GatewayFailure),
            // The client sets the deadline: one that sets it short must not take a backend from the others within a few calls.
            Self::DEADLINE_EXCEEDED => (StatusCode::GATEWAY_TIMEOUT, ResponseClass::ServerError),
            Self::UNKNOWN | Self::INTERNAL | Self::DATA_LOSS => {
                (StatusCode::INTERNAL_SERVER_ERROR, ResponseClass::ServerError)
            }
            _ => return None,
        };
        Some(CallFailure { status, class })
    }

    /// Its number.
    #[must_use]
    pub fn code(self) -> u16 {
        self.0
    }

    /// The name that it has in gRPC's documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        CALL_STATUSES.get(usize::from(self.0)).copied().unwrap_or("no status of gRPC")
    }
}

/// What a call's status says about its backend. HTTP's own status is 200 all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFailure {
    /// The status that says the same in HTTP.
    pub status: StatusCode,
    /// As what it counts.
    pub class: ResponseClass,
}

/// A text as it may stand in [`MESSAGE`]: UTF-8, with `%` and all but printable ASCII percent-encoded.
#[must_use]
pub fn message(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    percent_encode(text.as_bytes(), &mut encoded, |byte| matches!(byte, b' '..=b'~') && byte != b'%');
    HeaderValue::try_from(encoded).unwrap_or(const { HeaderValue::from_static("") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_their_media_type() {
        let call = |value: &'static str| {
            is_call(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for value in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc+json; charset=utf-8",
            "application/grpc;x=y",
            "application/grpc ; x=y",
            "Application/gRPC",
        ] {
            assert!(call(value), "{value}");
        }
        for value in
            ["application/grpc-web", "application/grpc-web+proto", "application/grpcx", "application/grp", ""]
        {
            assert!(!call(value), "{value}");
        }
        assert!(!is_call(&HeaderMap::new()));
    }

    #[test]
    fn statuses_are_read_as_clients_read_them() {
        let read = |value: &'static str| {
            CallStatus::read(&HeaderMap::from_iter([(STATUS.clone(), HeaderValue::from_static(value))]))
        };
        assert_eq!(CallStatus::read(&HeaderMap::new()), None);
        for (value, code) in [("0", 0), ("14", 14), ("014", 14), ("99", 99), ("", 2), ("-1", 2), ("x", 2)] {
            assert_eq!(read(value).map(CallStatus::code), Some(code), "{value}");
        }
        assert_eq!(
            [0, 5, 16, 17].map(|code| CallStatus(code).name()),
            ["OK", "NOT_FOUND", "UNAUTHENTICATED", "no status of gRPC"]
        );
    }

    #[test]
    fn responses_of_the_proxy_have_a_status_of_a_call() {
        for (status, code) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (405, 2),
            (408, 2),
            (413, 8),
            (429, 14),
            (431, 2),
            (500, 2),
            (502, 14),
            (503, 14),
            (504, 14),
            (508, 2),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(CallStatus::of(status).code(), code, "{status}");
        }
    }

    #[test]
    fn resets_have_a_status_of_a_call() {
        // The table of gRPC's document about HTTP/2, and what it doesn't name.
        for (code, name) in [
            (0, "INTERNAL"),
            (1, "INTERNAL"),
            (2, "INTERNAL"),
            (3, "INTERNAL"),
            (4, "INTERNAL"),
            (5, "INTERNAL"),
            (6, "INTERNAL"),
            (7, "UNAVAILABLE"),
            (8, "CANCELLED"),
            (9, "INTERNAL"),
            (10, "INTERNAL"),
            (11, "RESOURCE_EXHAUSTED"),
            (12, "PERMISSION_DENIED"),
            (13, "INTERNAL"),
            (99, "INTERNAL"),
        ] {
            assert_eq!(CallStatus::of_reset(code).name(), name, "{code}");
        }
    }

    #[test]
    fn only_statuses_that_blame_the_server_are_failures() {
        use ResponseClass::{GatewayFailure, ServerError};
        for code in 0..=17 {
            let expected = match code {
                2 | 13 | 15 => Some((500, ServerError)),
                4 => Some((504, ServerError)),
                14 => Some((503, GatewayFailure)),
                _ => None,
            };
            let failure = CallStatus(code).failure();
            assert_eq!(failure.map(|failure| (failure.status.as_u16(), failure.class)), expected, "{code}");
        }
    }

    #[test]
    fn messages_are_percent_encoded() {
        for (text, expected) in [
            ("no backend is available", "no backend is available"),
            ("100 %, twice", "100 %25, twice"),
            ("l\u{ef}ne\r\n\u{7f}~", "l%C3%AFne%0D%0A%7F~"),
            ("", ""),
        ] {
            assert_eq!(message(text), expected);
        }
    }
}
