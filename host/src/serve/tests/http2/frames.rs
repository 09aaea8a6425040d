//! Frames as bytes, for what no client library sends.

pub(super) use harness::frames::{
    DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame,
};
use harness::frames::{literal, next};

/// The head of `GET /`.
pub(super) fn get(stream: u32) -> Vec<u8> {
    let fields = fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h")]);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
}

/// Fields as literals.
pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

/// The whole frames at the start of some bytes, which they are taken from.
pub(super) fn take_frames(bytes: &mut Vec<u8>) -> Vec<Frame> {
    let (mut frames, mut rest) = (Vec::new(), &bytes[..]);
    let mut taken = 0;
    // It fails within a frame.
    while let Ok(Some(frame)) = next(&mut rest) {
        taken = bytes.len() - rest.len();
        frames.push(frame);
    }
    bytes.drain(..taken);
    frames
}
