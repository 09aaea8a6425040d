//! The same requests in HTTP/2, one after the other.

use anyhow::{Context, Result, bail};

use super::transport::Transport;
use crate::http2::{
    DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, SETTINGS_ACK,
    first_block, next_block, put_frame,
};

/// As a client of HTTP/2 sends them again and again: indexed (RFC 7541 section 6.1).
const FIELDS: [(&str, &str); 9] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "bench.example"),
    (":path", "/users/42?fields=name"),
    ("user-agent", "xtask"),
    ("accept", "text/html,application/json;q=0.9,*/*;q=0.8"),
    ("accept-encoding", "gzip, br"),
    ("accept-language", "en"),
    ("cookie", "session=0123456789abcdef0123456789abcdef"),
];

/// A client of HTTP/2.
pub(crate) struct Http2 {
    transport: Box<dyn Transport>,
    stream: u32,
    received: Vec<u8>,
}

impl Http2 {
    /// Greets the server.
    pub(super) fn begin(mut transport: Box<dyn Transport>) -> Result<Self> {
        // Settings that leave all as it is.
        let mut greeting = PREFACE.to_vec();
        put_frame(&mut greeting, SETTINGS, 0, 0, &[]);
        transport.write_all(&greeting).context("cannot begin HTTP/2")?;
        Ok(Self { transport, stream: 1, received: Vec::new() })
    }

    pub(super) fn send(&mut self) -> Result<()> {
        let block = if self.stream == 1 { first_block(&FIELDS)? } else { next_block(FIELDS.len())? };
        let mut request = Vec::new();
        put_frame(&mut request, HEADERS, END_STREAM | END_HEADERS, self.stream, &block);
        self.transport.write_all(&request).context("cannot send a request")
    }

    pub(super) fn receive(&mut self) -> Result<()> {
        loop {
            let (kind, flags, stream, payload) = self.next_frame()?;
            match kind {
                SETTINGS if flags == 0 => self.transport.write_all(SETTINGS_ACK)?,
                HEADERS | DATA if stream == self.stream && flags & END_STREAM != 0 => {
                    if kind != DATA || payload != b"Hello world\n" {
                        bail!("not the response: {}", payload.escape_ascii());
                    }
                    self.stream += 2;
                    return Ok(());
                }
                RST_STREAM | GOAWAY => bail!("no response but {}", payload.escape_ascii()),
                _ => {}
            }
        }
    }

    fn next_frame(&mut self) -> Result<(u8, u8, u32, Vec<u8>)> {
        loop {
            if let Some(frame) = Frame::parse(&self.received) {
                let found = (frame.kind, frame.flags, frame.stream, frame.payload.to_vec());
                let length = frame.length();
                self.received.drain(..length);
                return Ok(found);
            }
            let mut space = [0; 8192];
            match self.transport.read(&mut space).context("no response")? {
                0 => bail!("the proxy closed the connection"),
                read => self.received.extend_from_slice(&space[..read]),
            }
        }
    }
}
