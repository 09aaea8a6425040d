//! `http2` and `http2_*` of `[[listener]]`: HTTP/2 from clients.

use std::ops::RangeInclusive;

use super::read::{Section, choice};
use super::units::SIZE;

const KEYS: [&str; 4] =
    ["http2_max_streams", "http2_stream_window", "http2_connection_window", "http2_max_frame"];

/// Range of `http2_max_streams`.
const STREAMS: RangeInclusive<u32> = 1..=10_000;

/// Range of a stream's window: the least frame that every client may send has to fit; HTTP/2 allows no more than a byte less than 2 GiB.
const STREAM_WINDOW: RangeInclusive<u64> = 16 << 10..=1 << 30;

/// Range of a connection's window, which begins with nearly the least and can't be made smaller.
const CONNECTION_WINDOW: RangeInclusive<u64> = 64 << 10..=1 << 30;

/// Range of a frame, of which HTTP/2 sets the least. It is held in memory until it is whole.
const FRAME: RangeInclusive<u64> = 16 << 10..=1 << 20;

/// Whether clients of a listener may speak HTTP/2, or have to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http2Use {
    /// They may: by ALPN over TLS, and in clear by beginning with its preface. `"auto"`.
    Auto,
    /// They speak HTTP/1. `"off"`.
    Off,
    /// They speak nothing else. `"only"`.
    Only,
}

/// Limits of a client's connection over HTTP/2, beside those that hold for every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Limits {
    /// Most streams at a time. `http2_max_streams`, 100.
    pub max_streams: u32,
    /// What a client may send of one request's body before the backend takes it, bytes. `http2_stream_window`, 256 KiB.
    pub stream_window: u32,
    /// The same of all requests on a connection, bytes. `http2_connection_window`, 1 MiB or `http2_stream_window` if that is more.
    pub connection_window: u32,
    /// Longest frame that a client may send, bytes. `http2_max_frame`, 16 KiB.
    pub max_frame: u32,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self { max_streams: 100, stream_window: 256 << 10, connection_window: 1 << 20, max_frame: 16 << 10 }
    }
}

/// Whether clients speak HTTP/2, and its limits.
pub(super) fn http2(section: &mut Section<'_>) -> (Http2Use, Http2Limits) {
    let choices = [("auto", Http2Use::Auto), ("off", Http2Use::Off), ("only", Http2Use::Only)];
    let chosen = choice(section, "http2", Http2Use::Auto, &choices);
    let limits = limits(section);
    match chosen {
        Some(Http2Use::Off) => {
            for key in KEYS {
                if section.get(key).is_some() {
                    section.fail(key, "isn't used: `http2` is off", "write `http2 = \"auto\"`, or remove it");
                }
            }
        }
        Some(Http2Use::Only) if section.get("redirect").is_some() => {
            let message = "can't be `only` with `redirect`: browsers speak HTTP/2 over TLS only, so that none would be redirected";
            section.fail("http2", message, "leave it out");
        }
        _ => {}
    }
    (chosen.unwrap_or(Http2Use::Auto), limits)
}

fn limits(section: &mut Section<'_>) -> Http2Limits {
    let default = Http2Limits::default();
    let max_streams = section.integer("http2_max_streams", default.max_streams, STREAMS);
    let stream_window = section.size("http2_stream_window", default.stream_window.into(), STREAM_WINDOW);
    // A larger window of streams alone doesn't need a second key, but two that are written have to fit.
    let connection_window = u64::from(default.connection_window).max(stream_window);
    let connection_window = section.size("http2_connection_window", connection_window, CONNECTION_WINDOW);
    let max_frame = section.size("http2_max_frame", default.max_frame.into(), FRAME);
    let shown = SIZE.show(stream_window);
    if connection_window < stream_window {
        let hint = format!("write at least `\"{shown}\"`, or leave it out");
        section.fail("http2_connection_window", "is smaller than `http2_stream_window`", hint);
    }
    if max_frame > stream_window {
        let hint = format!("write at most `\"{shown}\"`, or raise `http2_stream_window`");
        section.fail("http2_max_frame", "is larger than `http2_stream_window`, which no frame exceeds", hint);
    }
    let bytes = |size| u32::try_from(size).unwrap_or(u32::MAX);
    Http2Limits {
        max_streams,
        stream_window: bytes(stream_window),
        connection_window: bytes(connection_window),
        max_frame: bytes(max_frame),
    }
}
