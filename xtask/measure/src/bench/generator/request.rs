//! What is asked for, and what has to come back.

use anyhow::Result;

use super::outcome::Failure;
use crate::bench::grpc;
use crate::bench::response::{REPORT, Response, report};
use crate::bench::speech::Speech;
use crate::bench::template::ROUTES;
use crate::http2::{first_block, next_block};

/// Whether a connection serves more than one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// All its requests.
    KeepAlive,
    /// One: it says so, and the contender closes it.
    NewEachTime,
}

/// A request, ready to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Length of the body that has to come back.
    expected: u64,
    /// How that begins: with the length of the body that is sent along, as the backend has to report it.
    start: Vec<u8>,
    /// Whether it is a gRPC call.
    is_call: bool,
    blocks: Blocks,
}

/// A request in HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Its fields on a new connection.
    pub(super) first: Vec<u8>,
    /// Its fields on one that has had them.
    pub(super) next: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A request for `download` bytes (at least twelve) that sends `upload` bytes along.
    pub(crate) fn new(download: usize, upload: usize, reuse: Reuse) -> Self {
        Self::to("", "", download, upload, reuse)
    }

    /// A request for `download` bytes that takes the last of many routes, with a field that its rules take away.
    pub(crate) fn along_the_last_route(download: usize, reuse: Reuse) -> Self {
        Self::to(&format!("/site-{ROUTES}"), "X-Debug: 1\r\n", download, 0, reuse)
    }

    fn to(prefix: &str, fields: &str, download: usize, upload: usize, reuse: Reuse) -> Self {
        let method = if upload > 0 { "POST" } else { "GET" };
        let mut head = format!(
            "{method} {prefix}/{download} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: pointsman-bench\r\nAccept: */*\r\n{fields}"
        );
        if upload > 0 {
            head.push_str(&format!("Content-Length: {upload}\r\n"));
        }
        if reuse == Reuse::NewEachTime {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + upload, b'u');
        let start = report(upload as u64).to_vec();
        Self { bytes, expected: download as u64, start, is_call: false, blocks: Blocks::default() }
    }

    /// The same request, a download, so that it can be sent over HTTP/2 if that is what is spoken; a call with a small message if
    /// it is gRPC.
    pub(crate) fn spoken(self, speech: Speech) -> Result<Self> {
        if speech.is_grpc() {
            return Self::call();
        }
        if !speech.is_http2() {
            return Ok(self);
        }
        let fields = [
            (":method", "GET"),
            (":scheme", if speech.tls { "https" } else { "http" }),
            (":authority", "bench.example"),
            (":path", &format!("/{}", self.expected)),
            ("user-agent", "pointsman-bench"),
            ("accept", "*/*"),
        ];
        let (first, next) = (first_block(&fields)?, next_block(fields.len())?);
        Ok(Self { blocks: Blocks { first, next, body: Vec::new() }, ..self })
    }

    /// A unary gRPC call in clear, as clients of gRPC make it, with a message as large as the one that comes back.
    fn call() -> Result<Self> {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "bench.example"),
            (":path", "/bench.Backend/Report"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "pointsman-bench"),
        ];
        let (first, next) = (first_block(&fields)?, next_block(fields.len())?);
        let body = grpc::message(&[b'u'; REPORT]);
        let start = grpc::message(&report(body.len() as u64));
        Ok(Self {
            bytes: Vec::new(),
            expected: start.len() as u64,
            start,
            is_call: true,
            blocks: Blocks { first, next, body },
        })
    }

    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Status, length and the backend's report have to be right, and a call has to have succeeded.
    pub(super) fn check(&self, response: &Response) -> std::result::Result<(), Failure> {
        if response.status != 200 {
            return Err(Failure::Status);
        }
        if response.length != self.expected || !response.start.starts_with(&self.start) {
            return Err(Failure::Body);
        }
        if self.is_call && !response.called {
            return Err(Failure::Call);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_no_body_and_an_upload_has_its_length() {
        let request = Request::new(12, 0, Reuse::KeepAlive);
        let text = String::from_utf8_lossy(request.bytes()).into_owned();
        assert!(text.starts_with("GET /12 HTTP/1.1\r\nHost: bench.example\r\n"), "{text}");
        assert!(!text.contains("Content-Length") && !text.contains("Connection"), "{text}");
        let request = Request::new(12, 5, Reuse::NewEachTime);
        let text = String::from_utf8_lossy(request.bytes()).into_owned();
        assert!(text.starts_with("POST /12 ") && text.ends_with("Connection: close\r\n\r\nuuuuu"), "{text}");
        assert!(text.contains("Content-Length: 5\r\n"), "{text}");
    }

    #[test]
    fn only_what_was_asked_for_is_a_success() {
        let request = Request::new(12, 5, Reuse::KeepAlive);
        let right = Response { length: 12, start: *b"000000000005\0\0\0\0\0", ..Response::new(200) };
        assert_eq!(request.check(&right), Ok(()));
        assert_eq!(request.check(&Response { status: 502, ..right }), Err(Failure::Status));
        assert_eq!(request.check(&Response { length: 13, ..right }), Err(Failure::Body));
        let start = *b"000000000004\0\0\0\0\0";
        assert_eq!(request.check(&Response { start, ..right }), Err(Failure::Body));
    }

    #[test]
    fn a_call_is_a_success_if_its_message_is_right_and_its_trailers_say_so() {
        let request = Request::new(12, 0, Reuse::KeepAlive).spoken(Speech::grpc(1)).unwrap();
        assert_eq!(request.blocks().body, b"\0\0\0\0\x0cuuuuuuuuuuuu");
        let start = *b"\0\0\0\0\x0c000000000017";
        let right = Response { length: 17, start, called: true, ..Response::new(200) };
        assert_eq!(request.check(&right), Ok(()));
        assert_eq!(request.check(&Response { called: false, ..right }), Err(Failure::Call));
        assert_eq!(request.check(&Response { length: 34, ..right }), Err(Failure::Body));
        let start = *b"\x01\0\0\0\x0c000000000017";
        assert_eq!(request.check(&Response { start, ..right }), Err(Failure::Body));
    }
}
