//! Traces as a collector gets them.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::{Backend, Setup, wait_until};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;

/// What takes traces.
struct Collector {
    server: Backend,
    exports: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let exports = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&exports);
        let server = Backend::start(move |exchange| {
            exchange.read_body();
            assert_eq!((exchange.request.method(), exchange.request.target()), ("POST", "/v1/traces"));
            assert!(exchange.request.header("traceparent").is_none(), "an export isn't traced");
            kept.lock().expect("no panic").push(exchange.request.body.clone());
            exchange.respond("");
        });
        Self { server, exports }
    }

    /// All spans that have come.
    fn spans(&self) -> Vec<Span> {
        let exports = self.exports.lock().expect("no panic").clone();
        let exports =
            exports.iter().map(|body| ExportTraceServiceRequest::decode(&**body).expect("protobuf"));
        let resources = exports.flat_map(|export| export.resource_spans);
        let scopes = resources.flat_map(|resource| {
            let attributes = resource.resource.expect("a resource").attributes;
            assert_eq!(text(&attributes, "service.name"), "pointsman");
            resource.scope_spans
        });
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match value(attributes, key) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn tracing(endpoint: std::net::SocketAddr) -> String {
    format!("[tracing]\nendpoint = \"http://{endpoint}\"\n")
}

#[test]
fn a_collector_gets_a_span_of_each_request_and_attempt() {
    let collector = Collector::start();
    let failing = Backend::start(|exchange| exchange.reset());
    let backend = Backend::named("ok");
    let top = tracing(collector.server.address());
    let mut proxy =
        Setup { workers: 1, top: &top, pool: "retry = { backoff = \"1ms\" }", ..Setup::default() }
            .start(&[&failing, &backend]);
    let mut client = proxy.client();
    while failing.count() == 0 {
        assert_eq!(client.get("/a/b?secret=1").text(), "ok");
    }
    let retried = || {
        collector
            .spans()
            .into_iter()
            .find(|span| value(&span.attributes, "http.request.resend_count").is_some())
    };
    wait_until("the spans have come", || retried().is_some());
    let again = retried().expect("a span");
    let all = collector.spans();
    let server = all.iter().find(|span| span.span_id == again.parent_span_id).expect("the request's span");
    assert_eq!((server.kind(), again.kind(), &*server.name), (SpanKind::Server, SpanKind::Client, "GET"));
    assert!(server.parent_span_id.is_empty() && server.trace_id == again.trace_id);
    assert!(
        server.start_time_unix_nano <= again.start_time_unix_nano
            && again.end_time_unix_nano <= server.end_time_unix_nano + 1_000
    );
    let of = |key| text(&server.attributes, key);
    assert_eq!(
        [of("http.request.method"), of("http.response.status_code"), of("url.path")],
        ["GET", "200", "/a/b"]
    );
    assert_eq!(
        [of("pointsman.pool"), of("pointsman.backend"), of("pointsman.policy"), of("pointsman.chosen_by")],
        ["test", "b1", "round-robin", "policy"]
    );
    assert_eq!(of("pointsman.version").len(), 12);
    assert_eq!(
        (text(&again.attributes, "http.request.resend_count"), text(&again.attributes, "pointsman.backend")),
        ("1".to_owned(), "b1".to_owned())
    );
    assert_eq!(text(&again.attributes, "server.port"), backend.address().port().to_string());
    let first = all
        .iter()
        .find(|span| span.parent_span_id == server.span_id && span.span_id != again.span_id)
        .expect("the first attempt");
    assert_eq!(
        (text(&first.attributes, "error.type"), text(&first.attributes, "pointsman.backend")),
        ("upstream-reset".to_owned(), "b0".to_owned())
    );
    let sent = backend.requests();
    let context = sent.iter().filter_map(|request| request.header("traceparent"));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let expected = format!("00-{}-{}-01", hex(&again.trace_id), hex(&again.span_id));
    assert!(context.into_iter().any(|context| context == expected), "{expected}");

    // What is still held is exported before the end.
    let known = collector.spans().len();
    client.get("/last");
    proxy.signal("TERM");
    proxy.wait_for_exit();
    assert!(collector.spans().len() > known);
}

#[test]
fn a_collector_that_stalls_delays_nothing() {
    // Connections are made, and nobody answers.
    let stalled = TcpListener::bind("127.0.0.1:0").unwrap();
    let top = tracing(stalled.local_addr().unwrap());
    let backend = Backend::named("ok");
    let mut proxy = Setup { workers: 1, top: &top, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for _ in 0..200 {
        assert_eq!(client.get("/").text(), "ok");
    }
    let began = Instant::now();
    proxy.signal("TERM");
    assert!(proxy.wait_for_exit().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
