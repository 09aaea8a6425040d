//! `[tracing]`: the export of traces.

use http::Uri;
use toml::de::DeValue;

use super::read::{Section, Value};

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct TracingConfig {
    /// The collector's address for traces; without it, what `OTEL_EXPORTER_OTLP_ENDPOINT` says, or else the usual one of this machine.
    /// `endpoint`.
    pub endpoint: Option<String>,
    /// The share of requests that begin a trace which is exported, 0 to 1. `sample`, 1.
    pub sample: f64,
}

/// `[tracing]`.
pub(super) fn tracing(value: &Value<'_>) -> Option<TracingConfig> {
    Section::read(value, "write `[tracing]` above its keys", |section| {
        let sample = section.get("sample").map_or(Some(1.0), |value| share(&value));
        let endpoint = section.get("endpoint").map_or(Some(None), |value| endpoint(&value).map(Some));
        Some(TracingConfig { endpoint: endpoint?, sample: sample? })
    })
}

/// A number from 0 to 1.
fn share(value: &Value<'_>) -> Option<f64> {
    const HINT: &str = "write a number from 0 to 1, such as `0.01` for one in a hundred";
    let number = match value.raw() {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(_) => value.as_integer().map(|integer| integer as f64),
        _ => return value.mistyped("a number", HINT),
    };
    let share = number.filter(|number| (0.0..=1.0).contains(number));
    if share.is_none() {
        value.fail("is not from 0 to 1", HINT);
    }
    share
}

/// A URL without TLS. One without a path gets that of OTLP.
fn endpoint(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let parsed = text.parse::<Uri>().ok().filter(|uri| uri.authority().is_some());
    match parsed.as_ref().map(|uri| (uri.scheme_str(), uri.path())) {
        Some((Some("http"), "/")) => Some(format!("{}/v1/traces", text.trim_end_matches('/'))),
        Some((Some("http"), _)) => Some(text.to_owned()),
        Some((Some("https"), _)) => {
            let hint = "name a collector on this machine or in this network, which may speak TLS to others";
            value.fail("traces are exported without TLS", hint);
            None
        }
        _ => {
            value.fail(format!("`{text}` is no URL"), "write `\"http://127.0.0.1:4318\"`");
            None
        }
    }
}
