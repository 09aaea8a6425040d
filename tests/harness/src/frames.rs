//! HTTP/2 as bytes, for what no library does, or doesn't tell.

use std::io::{self, Read, Write};

use super::Client;

/// DATA.
pub const DATA: u8 = 0;
/// HEADERS.
pub const HEADERS: u8 = 1;
/// `RST_STREAM`.
pub const RST_STREAM: u8 = 3;
/// SETTINGS.
pub const SETTINGS: u8 = 4;
/// PING.
pub const PING: u8 = 6;
/// GOAWAY.
pub const GOAWAY: u8 = 7;
/// `WINDOW_UPDATE`.
pub const WINDOW_UPDATE: u8 = 8;

/// The flag of DATA and HEADERS that ends a stream.
pub const END_STREAM: u8 = 1;
/// The flag of HEADERS that aren't continued.
pub const END_HEADERS: u8 = 4;
/// The flag of SETTINGS and PING that answers one.
pub const ACK: u8 = 1;

/// What a client's connection begins with: the preface proper, of 24 bytes, and empty settings.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The stream that it is for; 0 = the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The number at the end of what a reset or a GOAWAY says: why.
    pub fn reason(&self) -> Option<u32> {
        let code = match self.kind {
            RST_STREAM => self.payload.get(..4),
            GOAWAY => self.payload.get(4..8),
            _ => None,
        };
        code.and_then(|code| code.try_into().ok()).map(u32::from_be_bytes)
    }

    /// Whether it ends a body, or a head without one. A reset doesn't: it breaks off.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field as a literal that isn't indexed.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// The next frame; `None` = the connection has come to its end.
///
/// # Errors
///
/// The connection breaks, or ends within a frame.
pub fn next(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut head = [0; 9];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    Ok(Some(Frame { kind: head[3], flags: head[4], stream, payload }))
}

/// Asks for something on a stream, and waits for the end of that stream. Answers all frames up to there.
pub fn ask<S: Read + Write>(client: &mut Client<S>, request: &[u8], stream: u32) -> Vec<Frame> {
    client.send(request);
    let mut frames = Vec::new();
    loop {
        let frame = next(client.reader()).expect("bytes").expect("a frame");
        let is_end = frame.stream == stream && (frame.ends_stream() || frame.kind == RST_STREAM);
        frames.push(frame);
        if is_end {
            return frames;
        }
    }
}
