//! The same requests in HTTP/2, one after the other.

use anyhow::{Context, Result, bail};

use super::transport::Transport;

/// The preface, and settings that leave all as it is.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const SETTINGS_ACK: &[u8] = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

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
        transport.write_all(GREETING).context("cannot begin HTTP/2")?;
        Ok(Self { transport, stream: 1, received: Vec::new() })
    }

    pub(super) fn send(&mut self) -> Result<()> {
        let block = if self.stream == 1 { first_block()? } else { next_block()? };
        let request = frame(HEADERS, END_STREAM | END_HEADERS, self.stream, &block)?;
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
            if let [a, b, c, kind, flags, s1, s2, s3, s4, rest @ ..] = &self.received[..] {
                let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                if let Some(payload) = rest.get(..length) {
                    let stream = u32::from_be_bytes([*s1, *s2, *s3, *s4]);
                    let found = (*kind, *flags, stream, payload.to_vec());
                    self.received.drain(..9 + length);
                    return Ok(found);
                }
            }
            let mut space = [0; 8192];
            match self.transport.read(&mut space).context("no response")? {
                0 => bail!("the proxy closed the connection"),
                read => self.received.extend_from_slice(&space[..read]),
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(payload.len())?.to_be_bytes();
    Ok([&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat())
}

/// The fields as literals that go into the table (RFC 7541 section 6.2.1).
fn first_block() -> Result<Vec<u8>> {
    let mut block = Vec::new();
    for (name, value) in FIELDS {
        block.push(0x40);
        for text in [name, value] {
            block.push(u8::try_from(text.len())?);
            block.extend_from_slice(text.as_bytes());
        }
    }
    Ok(block)
}

/// The same from the table, whose last entry comes first, behind the 61 that are always there.
fn next_block() -> Result<Vec<u8>> {
    (0..FIELDS.len()).rev().map(|age| Ok(0x80 | u8::try_from(62 + age)?)).collect()
}
