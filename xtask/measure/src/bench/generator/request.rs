//! What is asked for, and what has to come back.

use anyhow::Result;

use super::outcome::Failure;
use crate::bench::response::{KEPT, Response};
use crate::bench::speech::Speech;
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
    /// The length of the body that is sent along, as the backend has to report it.
    start: [u8; KEPT],
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
        let method = if upload > 0 { "POST" } else { "GET" };
        let mut head = format!(
            "{method} /{download} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: pointsman-bench\r\nAccept: */*\r\n"
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
        let mut start = [0; KEPT];
        start.copy_from_slice(&format!("{upload:012}").as_bytes()[..KEPT]);
        Self { bytes, expected: download as u64, start, blocks: Blocks::default() }
    }

    /// The same request, a download, so that it can be sent over HTTP/2 if that is what is spoken.
    pub(crate) fn spoken(self, speech: Speech) -> Result<Self> {
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

    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Status, length and the backend's report have to be right.
    pub(super) fn check(&self, response: &Response) -> std::result::Result<(), Failure> {
        if response.status != 200 {
            return Err(Failure::Status);
        }
        if response.length != self.expected || response.start != self.start {
            return Err(Failure::Body);
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
        let right = Response { status: 200, length: 12, start: *b"000000000005", closes: false };
        assert_eq!(request.check(&right), Ok(()));
        assert_eq!(request.check(&Response { status: 502, ..right }), Err(Failure::Status));
        assert_eq!(request.check(&Response { length: 13, ..right }), Err(Failure::Body));
        assert_eq!(request.check(&Response { start: *b"000000000004", ..right }), Err(Failure::Body));
    }
}
