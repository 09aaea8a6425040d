//! vLLM: answers that come word by word, keys of customers with a rate and a number at a time, and a model that few get to see first.

use harness::{Backend, Latch, Proxy};

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "16MiB"

[limit.tokens]
key = "header:authorization"
rate = "60/m"
burst = 2
concurrency = 1

[limit.strangers]
key = "client"
rate = "1/d"

[[route]]
name = "trial"
prefix = "/v1"
header = { x-model = "next" }
limits = "tokens"
pool = "next"

[[route]]
name = "known"
prefix = "/v1"
header = { authorization = { prefix = "Bearer " } }
limits = "tokens"
split = { pools = { stable = 1, next = 0 }, by = "header:authorization" }

[[route]]
name = "strangers"
exact = "/v1/models"
limits = "strangers"
pool = "stable"

[pool.stable]
backends = ["<stable>"]
policy = "least-conn"
response_timeout = "10m"
idle_timeout = "2m"
request_headers = { set = { x-route = "{route}" } }
# Events are never held back, though other answers are compressed.
compression = { types = ["text/*", "application/json"], min_size = "0B" }

[pool.next]
backends = ["<next>"]
request_headers = { set = { x-route = "{route}" } }
"#;

#[test]
fn keys_models_and_strangers() {
    let scene = Scene::start(CONFIGURATION, &["stable", "next"]);
    let ask = |key: &str, more: &str| {
        format!("POST http://llm.test/v1/chat/completions\nAuthorization: Bearer {key}{more}")
    };
    scene.check(&[
        (&ask("one", ""), "stable", &["x-route: known", "authorization: Bearer one"], &[]),
        (&ask("one", "\nX-Model: next"), "next", &["x-route: trial"], &[]),
        (&ask("one", ""), "429", &[], &["retry-after: 1", "x-pointsman-error: rate-limited"]),
        (&ask("two", ""), "stable", &[], &[]),
        ("GET http://llm.test/v1/models\nAuthorization: Basic x", "stable", &["x-route: strangers"], &[]),
        ("GET http://llm.test/v1/models", "429", &[], &["retry-after: 86400"]),
        ("POST http://llm.test/v1/completions", "404", &[], &[]),
        ("GET http://llm.test/metrics", "404", &[], &[]),
    ]);
}

#[test]
fn an_answer_comes_word_by_word_and_holds_its_place() {
    let go_on = Latch::default();
    let waits = go_on.clone();
    let stable = Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nf\r\ndata: {\"a\":1}\n\n\r\n");
        waits.wait();
        exchange.send("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    });
    let next = Backend::named("next");
    let text = CONFIGURATION
        .replace("<stable>", &stable.address().to_string())
        .replace("<next>", &next.address().to_string());
    let proxy = Proxy::start(&text);
    let ask = "POST /v1/chat/completions HTTP/1.1\r\nHost: llm.test\r\nAuthorization: Bearer one\r\nAccept-Encoding: gzip\r\n\
               Content-Length: 15\r\n\r\n{\"stream\":true}";
    let mut client = proxy.client();
    client.send(ask);
    // The head and the first word, while the second isn't there yet.
    let mut seen = Vec::new();
    while !seen.ends_with(b"{\"a\":1}\n\n\r\n") {
        seen.extend(client.read_exactly(1));
    }
    assert!(!seen.escape_ascii().to_string().to_ascii_lowercase().contains("content-encoding"), "{seen:?}");
    let mut second = proxy.client();
    second.send(ask);
    assert_eq!(second.response("POST").error_label(), Some("concurrency-limited"));
    go_on.open();
    let rest = client.read_exactly(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n".len());
    assert!(rest[1..].starts_with(b"\r\ndata: [DONE]\n\n\r\n"), "{rest:?}");
}
