//! Responses that are compressed on their way.

use std::io::{BufRead as _, Read as _};

use flate2::read::GzDecoder;
use harness::{Backend, Client, Latch, Proxy, Response};

use super::programs::{run, text};

fn start(backend: &Backend) -> Proxy {
    Proxy::with_pool("\"round-robin\"", &[backend], "compression = {}")
}

fn page() -> String {
    (0..5_000).map(|number| format!("<li>item {number}</li>\n")).collect()
}

/// A backend that answers each target with what stands for it here.
fn serves() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let (page, is_head) = (page(), exchange.request.method() == "HEAD");
        let fields = match exchange.request.target() {
            "/events" => "Content-Type: text/event-stream\r\n",
            "/encoded" => "Content-Type: text/html\r\nContent-Encoding: br\r\n",
            _ => "Content-Type: text/html\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\n",
        };
        exchange.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", page.len()));
        if !is_head {
            exchange.send(page);
        }
    })
}

fn unzipped(response: &Response) -> String {
    let mut page = String::new();
    GzDecoder::new(&*response.body).read_to_string(&mut page).expect("it is gzip, to its end");
    page
}

#[test]
fn a_page_is_compressed_for_those_who_take_it() {
    let backend = serves();
    let proxy = start(&backend);
    let mut client = proxy.client();
    let response = client.get_with("/", "Accept-Encoding: gzip;q=0.9, br;q=0.5\r\n");
    assert_eq!(unzipped(&response), page());
    let fields = |response: &Response| {
        let names = ["content-encoding", "vary", "etag", "content-length", "accept-ranges"];
        names.map(|name| response.header(name).unwrap_or("-").to_owned())
    };
    assert_eq!(fields(&response), ["gzip", "accept-encoding", "W/\"a\"", "-", "-"]);
    assert!(response.body.len() < page().len() / 3, "{} bytes", response.body.len());
    assert_eq!(backend.requests()[0].header("accept-encoding"), Some("gzip;q=0.9, br;q=0.5"));

    // Responses to HEAD have the same fields, and the connection goes on.
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(fields(&client.response("HEAD")), ["gzip", "accept-encoding", "W/\"a\"", "-", "-"]);

    let length = page().len().to_string();
    let response = client.get("/");
    assert_eq!(response.text(), page());
    assert_eq!(fields(&response), ["-", "accept-encoding", "\"a\"", &length, "bytes"]);
    for target in ["/events", "/encoded"] {
        let response = client.get_with(target, "Accept-Encoding: gzip\r\n");
        assert_eq!((response.text(), response.header("vary")), (page(), None), "{target}");
    }

    // HTTP/1.0 has no chunks: the end of the connection is that of the response.
    let mut old = proxy.client();
    old.send("GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let response = old.response("GET");
    assert_eq!((unzipped(&response), response.header("transfer-encoding")), (page(), None));
}

/// curl speaks HTTP/2, decodes by itself, and refuses what isn't whole.
#[test]
fn curl_decodes_a_page_over_http2() {
    let backend = serves();
    let proxy = start(&backend);
    let url = format!("http://{}/", proxy.address());
    let arguments = ["-sS", "--http2-prior-knowledge", "--compressed", "--dump-header", "head", &url];
    let Some(output) = run(&proxy.path(""), "curl", &arguments) else { return };
    let head = std::fs::read_to_string(proxy.path("head")).expect("a head").to_ascii_lowercase();
    assert!(head.starts_with("http/2 200") && head.contains("\r\ncontent-encoding: "), "{head}");
    assert_eq!(text(&output), page());
}

#[test]
fn what_a_slow_backend_has_sent_is_there_at_once_and_trailers_follow() {
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
             6\r\n{\"a\"}\n\r\n",
        );
        opened.wait();
        exchange.send("6\r\n{\"b\"}\n\r\n0\r\nX-Sum: 42\r\n\r\n");
    });
    let proxy = start(&backend);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nAccept-Encoding: gzip\r\n\r\n");
    while line(&mut client) != "\r\n" {}
    let mut encoded = Vec::new();
    // The backend waits until the client has decoded the first line.
    while so_far(&encoded) != b"{\"a\"}\n" {
        encoded.extend(chunk(&mut client).expect("more"));
    }
    release.open();
    while let Some(chunk) = chunk(&mut client) {
        encoded.extend(chunk);
    }
    assert_eq!(line(&mut client), "x-sum: 42\r\n");
    assert_eq!(so_far(&encoded), b"{\"a\"}\n{\"b\"}\n");
}

#[test]
fn what_is_about_other_bytes_is_no_trailer_of_these() {
    let backend = Backend::start(|exchange| {
        let trailer = exchange
            .request
            .header("x-trailer")
            .map_or_else(String::new, |name| format!("Trailer: {name}\r\n"));
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{trailer}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\
             Content-Digest: sha-256=:x:\r\nRepr-Digest: sha-256=:x:\r\nDigest: x\r\nContent-MD5: x\r\nETag: \"a\"\r\nX-Sum: 42\r\n\r\n"
        ));
    });
    let proxy = start(&backend);
    let fields = "TE: trailers\r\nAccept-Encoding: gzip\r\n";
    let response = proxy.client().get_with("/", &format!("{fields}X-Trailer: X-Sum, ETag\r\n"));
    assert_eq!(unzipped(&response), "hello");
    let trailers: Vec<(&str, &str)> =
        response.trailers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(trailers, [("x-sum", "42"), ("etag", "W/\"a\"")]);
    // One that says so before isn't compressed, as one that has it in its head.
    for (name, count) in [("Content-Digest", 1), ("x-sum, REPR-DIGEST", 2)] {
        let response = proxy.client().get_with("/", &format!("{fields}X-Trailer: {name}\r\n"));
        assert_eq!(
            (response.text().as_str(), response.header("content-encoding")),
            ("hello", None),
            "{name}"
        );
        assert_eq!(response.trailers.len(), count, "{name}");
    }
}

fn line(client: &mut Client) -> String {
    let mut line = String::new();
    client.reader().read_line(&mut line).expect("a line");
    line
}

/// The next chunk; none at the end.
fn chunk(client: &mut Client) -> Option<Vec<u8>> {
    let length = usize::from_str_radix(line(client).trim_end(), 16).expect("a length");
    let chunk = (length > 0).then(|| client.read_exactly(length))?;
    assert_eq!(client.read_exactly(2), b"\r\n");
    Some(chunk)
}

/// What is decoded of bytes that may not be all.
fn so_far(encoded: &[u8]) -> Vec<u8> {
    let (mut decoder, mut decoded) = (GzDecoder::new(encoded), Vec::new());
    let mut byte = [0];
    while matches!(decoder.read(&mut byte), Ok(1)) {
        decoded.push(byte[0]);
    }
    decoded
}
