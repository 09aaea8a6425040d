//! `type = "grpc"`: a check by the health service of gRPC.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::fields::{headers, host};
use crate::config::read::{Section, Value};

/// Longest name of a service, bytes.
const MOST_BYTES: usize = 1024;

/// What the check itself sends, beside what every check does.
pub(super) const OWN_HEADERS: [HeaderName; 2] = [header::TE, header::CONTENT_TYPE];

/// A call of `grpc.health.v1.Health/Check`. It passes if the answer is SERVING.
#[derive(Debug, Clone, PartialEq)]
pub struct GrpcCheckConfig {
    /// The service that is asked for; empty for the server as a whole. `service`, empty.
    pub service: String,
    /// `host`; the address that is asked by default.
    pub host: Option<HeaderValue>,
    /// `headers`; none by default.
    pub headers: HeaderMap,
}

pub(super) fn grpc(section: &mut Section<'_>) -> Option<GrpcCheckConfig> {
    let service = section.get("service").map_or(Some(String::new()), |value| service(&value));
    let host = section.get("host").map_or(Some(None), |value| host(&value).map(Some));
    let headers =
        section.get("headers").map_or_else(|| Some(HeaderMap::new()), |value| headers(&value, &OWN_HEADERS));
    Some(GrpcCheckConfig { service: service?, host: host?, headers: headers? })
}

fn service(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    if text.len() > MOST_BYTES {
        value.fail(format!("has {} bytes", text.len()), format!("use at most {MOST_BYTES}"));
        return None;
    }
    Some(text.to_owned())
}
