//! Clients that others wrote, over TLS and in clear.

use std::fmt::Write as _;
use std::path::Path;

use harness::{Backend, Proxy};

use super::{in_clear, over_tls};
use crate::programs::{run, text};

/// What is sent up and down.
const LENGTH: usize = 16 << 20;

fn content() -> Vec<u8> {
    let mut content = (0..=250).collect::<Vec<u8>>().repeat(LENGTH / 251 + 1);
    content.truncate(LENGTH);
    content
}

/// A backend that has the content, and says whether it got it.
fn backend() -> Backend {
    Backend::start(|exchange| {
        if exchange.request.header("expect").is_some() {
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        exchange.read_body();
        let (method, target) = (exchange.request.method().to_owned(), exchange.request.target().to_owned());
        match (method.as_str(), target.as_str()) {
            ("GET", "/content") => {
                exchange.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
                exchange.send(content());
            }
            ("HEAD", _) => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\n"),
            ("POST", _) => {
                let is_same = exchange.request.body == content();
                exchange.respond(if is_same { "whole" } else { "other" });
            }
            _ => exchange.respond("b"),
        }
    })
}

/// curl at its two ways to HTTP/2.
struct Curl {
    proxy: Proxy,
    is_over_tls: bool,
}

impl Curl {
    fn both(backend: &Backend) -> [Self; 2] {
        [
            Self { proxy: over_tls(backend, "").0, is_over_tls: true },
            Self { proxy: in_clear(backend, ""), is_over_tls: false },
        ]
    }

    fn folder(&self) -> std::path::PathBuf {
        self.proxy.path("")
    }

    /// What it prints, with the status and the version at the end.
    fn run(&self, arguments: &[&str], target: &str) -> Option<String> {
        let port = self.proxy.address().port();
        let resolve = format!("test:{port}:127.0.0.1");
        let (scheme, version) =
            if self.is_over_tls { ("https", "--http2") } else { ("http", "--http2-prior-knowledge") };
        let url = format!("{scheme}://test:{port}{target}");
        let common = [
            "-sS",
            "--noproxy",
            "*",
            "--cacert",
            "ca.crt",
            "--resolve",
            &resolve,
            version,
            "-w",
            " %{http_code} %{http_version}",
        ];
        let output = run(&self.folder(), "curl", &[&common, arguments, &[&url]].concat())?;
        Some(text(&output))
    }
}

#[test]
fn curl_asks_and_gets_heads_only() {
    let backend = backend();
    for curl in Curl::both(&backend) {
        let Some(said) = curl.run(&[], "/") else { return };
        assert_eq!(said, "b 200 2");
        let head = curl.run(&["--head"], "/").expect("curl").to_ascii_lowercase();
        assert!(head.contains("content-length: 7") && head.contains("x-a: b"), "{head}");
        assert!(head.ends_with(" 200 2"), "{head}");
    }
}

#[test]
fn curl_uploads_with_permission_and_without() {
    let backend = backend();
    for (curl, expect) in Curl::both(&backend).iter().zip(["Expect: 100-continue", "Expect:"]) {
        std::fs::write(curl.proxy.path("content"), content()).expect("a file");
        let Some(said) = curl.run(&["-v", "--data-binary", "@content", "-H", expect], "/") else { return };
        assert!(said.contains("whole 200 2"), "{said}");
        assert_eq!(said.contains("< HTTP/2 100"), expect != "Expect:", "{said}");
    }
}

#[test]
fn curl_downloads() {
    let backend = backend();
    for curl in Curl::both(&backend) {
        let Some(said) = curl.run(&["-o", "got"], "/content") else { return };
        assert_eq!(said, " 200 2");
        assert!(std::fs::read(curl.proxy.path("got")).expect("a file") == content());
    }
}

#[test]
fn curl_takes_what_a_listener_leaves_it() {
    let backend = backend();
    let (proxy, _) = over_tls(&backend, "http2 = 'off'");
    let curl = Curl { proxy, is_over_tls: true };
    let Some(said) = curl.run(&[], "/") else { return };
    assert_eq!(said, "b 200 1.1");
    let (proxy, _) = over_tls(&backend, "http2 = 'only'");
    let curl = Curl { proxy, is_over_tls: true };
    assert_eq!(curl.run(&[], "/").expect("curl"), "b 200 2");
    let said = curl.run(&["--http1.1"], "/").expect("curl");
    assert!(said.contains(" 000 ") && said.contains("alert"), "{said}");
}

#[test]
fn nghttp_asks_for_many_at_once() {
    let backend = backend();
    let mut urls = String::new();
    for is_over_tls in [true, false] {
        let proxy = if is_over_tls { over_tls(&backend, "").0 } else { in_clear(&backend, "") };
        let scheme = if is_over_tls { "https" } else { "http" };
        urls.clear();
        for number in 0..20 {
            write!(urls, "{scheme}://{}/{number} ", proxy.address()).expect("a string");
        }
        let mut arguments = vec!["-nv", "--no-verify-peer"];
        arguments.extend(urls.split_whitespace());
        let Some(output) = run(Path::new("."), "nghttp", &arguments) else { return };
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.matches(":status: 200").count(), 20, "{said}");
        assert_eq!(said.contains("The negotiated protocol: h2"), is_over_tls, "{said}");
    }
}
