//! What a traced request is in OpenTelemetry's terms, by its semantic conventions for HTTP.

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use pointsman_core::address::Address;
use pointsman_core::clock::{Moment, WallClock};
use pointsman_core::record::Protocol;
use pointsman_core::trace::SpanIds;

use super::trace::{FinishedAttempt, FinishedTrace, TracedRequest, attempt_span};

/// Methods that are named in spans; all others are one, as a client may make up any number of them.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "PATCH"];

/// The request's span, and one of each attempt.
pub(super) fn of(finished: FinishedTrace, times: WallClock) -> Vec<SpanData> {
    let FinishedTrace { ids, request, pool, attempts, .. } = &finished;
    let pool = pool.as_ref().map(|pool| pool.name.to_string());
    let method = method(request);
    let mut spans = Vec::with_capacity(finished.spans());
    spans.push(server(&finished, method, pool.clone(), times));
    for (place, attempt) in (1..).zip(attempts) {
        let own = SpanIds { span: attempt_span(ids.span, place), ..*ids };
        let mut attributes = attempt_attributes(attempt, request, method);
        attributes.extend(pool.clone().map(|pool| KeyValue::new("pointsman.pool", pool)));
        if place > 1 {
            attributes
                .push(KeyValue::new("http.request.resend_count", i64::try_from(place - 1).unwrap_or(0)));
        }
        let is_fault = attempt.status.is_none_or(|status| status >= 400) || attempt.error.is_some();
        let status = if is_fault { Status::error(attempt.error.unwrap_or_default()) } else { Status::Unset };
        let span = Span { own, parent: Some(ids.span), kind: SpanKind::Client, times: attempt.span };
        spans.push(span.data(method, attributes, status, times));
    }
    spans
}

/// A span's place and times.
struct Span {
    own: SpanIds,
    parent: Option<u64>,
    kind: SpanKind,
    times: (Moment, Moment),
}

impl Span {
    fn data(
        self,
        name: &'static str,
        attributes: Vec<KeyValue>,
        status: Status,
        times: WallClock,
    ) -> SpanData {
        let (began, ended) = self.times;
        SpanData {
            span_context: context(self.own),
            parent_span_id: SpanId::from(self.parent.unwrap_or(0)),
            parent_span_is_remote: self.kind == SpanKind::Server && self.parent.is_some(),
            span_kind: self.kind,
            name: name.into(),
            start_time: times.at(began),
            end_time: times.at(ended),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("pointsman").build(),
        }
    }
}

fn server(
    finished: &FinishedTrace,
    method: &'static str,
    pool: Option<String>,
    times: WallClock,
) -> SpanData {
    let TracedRequest { path, host, origin, method: sent } = &finished.request;
    let (address, port) = authority(host);
    let mut attributes = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("url.path", path.clone()),
        KeyValue::new("url.scheme", origin.scheme),
        KeyValue::new("server.address", address),
        KeyValue::new("network.peer.address", origin.peer.to_string()),
        KeyValue::new("network.protocol.version", version(finished.protocol)),
    ];
    attributes.extend(port.map(|port| KeyValue::new("server.port", port)));
    if method == "_OTHER" {
        attributes.push(KeyValue::new("http.request.method_original", sent.as_str().to_owned()));
    }
    attributes
        .extend(finished.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    attributes.extend(pool.map(|pool| KeyValue::new("pointsman.pool", pool)));
    if let Some(last) = finished.attempts.last() {
        attributes.extend(choice(last));
    }
    // What clients do wrong is no error of a server's span.
    let is_fault = finished.status.is_none_or(|status| status >= 500);
    attributes.extend(error_type(finished.error, finished.status.filter(|_| is_fault)));
    let status = if is_fault { Status::error(finished.error.unwrap_or_default()) } else { Status::Unset };
    let name = if method == "_OTHER" { "HTTP" } else { method };
    let span =
        Span { own: finished.ids, parent: finished.parent, kind: SpanKind::Server, times: finished.span };
    span.data(name, attributes, status, times)
}

fn attempt_attributes(
    attempt: &FinishedAttempt,
    request: &TracedRequest,
    method: &'static str,
) -> Vec<KeyValue> {
    let mut attributes =
        vec![KeyValue::new("http.request.method", method), KeyValue::new("url.path", request.path.clone())];
    match &attempt.backend.address {
        Address::Tcp(address) => attributes.extend([
            KeyValue::new("server.address", address.ip().to_string()),
            KeyValue::new("server.port", i64::from(address.port())),
        ]),
        Address::Unix(path) => attributes.extend([
            KeyValue::new("server.address", path.name()),
            KeyValue::new("network.transport", "unix"),
        ]),
    }
    attributes.extend(choice(attempt));
    attributes
        .extend(attempt.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    attributes.extend(error_type(attempt.error, attempt.status.filter(|status| *status >= 400)));
    attributes
}

/// The backend, and who chose it.
fn choice(attempt: &FinishedAttempt) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("pointsman.backend", attempt.backend.name.to_string()),
        KeyValue::new("pointsman.chosen_by", attempt.choice.by.name()),
    ];
    if let Some(policy) = &attempt.choice.policy {
        attributes.push(KeyValue::new("pointsman.policy", policy.name.to_string()));
        attributes.push(KeyValue::new("pointsman.version", policy.version.to_string()));
    }
    attributes
}

fn error_type(error: Option<&'static str>, status: Option<u16>) -> Option<KeyValue> {
    let label = error.map(str::to_owned).or_else(|| status.map(|status| status.to_string()))?;
    Some(KeyValue::new("error.type", label))
}

fn method(request: &TracedRequest) -> &'static str {
    METHODS.into_iter().find(|known| *known == request.method.as_str()).unwrap_or("_OTHER")
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http10 => "1.0",
        Protocol::Http11 => "1.1",
        Protocol::Http2 => "2",
    }
}

/// Host and port of `Host`.
fn authority(host: &str) -> (String, Option<i64>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name.to_owned(), port.parse().ok()),
        _ => (host.to_owned(), None),
    }
}

fn context(ids: SpanIds) -> SpanContext {
    let (trace, span) = (TraceId::from(ids.trace), SpanId::from(ids.span));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_from_its_port() {
        for (host, expected) in [
            ("a.example", ("a.example", None)),
            ("a.example:8080", ("a.example", Some(8080))),
            ("[::1]", ("[::1]", None)),
            ("[::1]:80", ("[::1]", Some(80))),
            ("", ("", None)),
        ] {
            assert_eq!(authority(host), (expected.0.to_owned(), expected.1));
        }
    }
}
