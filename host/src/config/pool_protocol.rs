//! `protocol` and `http2_*` of `[pool.NAME]`: what its backends are spoken to in.

use std::ops::RangeInclusive;

use pointsman_core::pool::{BackendProtocol, Http2Limits};

use super::read::{Section, choice};
use super::units::SIZE;

const KEYS: [&str; 3] = ["http2_max_streams", "http2_stream_window", "http2_connection_window"];

/// Range of `http2_max_streams`.
const STREAMS: RangeInclusive<u32> = 1..=10_000;

/// Range of a stream's window: a frame has to fit into the least; the most that HTTP/2 allows is a byte less than 2 GiB.
const STREAM_WINDOW: RangeInclusive<u64> = 16 << 10..=1 << 30;

/// Range of a connection's window, which begins with nearly the least and can't be made smaller.
const CONNECTION_WINDOW: RangeInclusive<u64> = 64 << 10..=1 << 30;

/// What the backends are spoken to in, and the limits of HTTP/2.
pub(super) fn protocol(section: &mut Section<'_>) -> (BackendProtocol, Http2Limits) {
    let choices =
        [("http1", BackendProtocol::Http1), ("h2", BackendProtocol::H2), ("auto", BackendProtocol::Auto)];
    let chosen = choice(section, "protocol", BackendProtocol::Http1, &choices);
    let http2 = http2(section);
    match chosen {
        Some(BackendProtocol::Http1) => {
            for key in KEYS {
                if section.get(key).is_some() {
                    let message = "isn't used: the backends are spoken to in HTTP/1";
                    section.fail(key, message, "write `protocol = \"h2\"`, or remove it");
                }
            }
        }
        Some(BackendProtocol::H2 | BackendProtocol::Auto) if section.get("proxy_protocol").is_some() => {
            let message = "can't be with `proxy_protocol`: a connection over HTTP/2 serves many clients, and the header names one";
            section.fail("protocol", message, "write `protocol = \"http1\"`, or remove `proxy_protocol`");
        }
        Some(BackendProtocol::Auto) if section.get("tls").is_none() => {
            let message =
                "`auto` is decided within the TLS handshake, and the backends are spoken to in clear";
            let hint = "write `protocol = \"h2\"` or `\"http1\"`, or add a section `[pool.NAME.tls]`";
            section.fail("protocol", message, hint);
        }
        _ => {}
    }
    (chosen.unwrap_or(BackendProtocol::Http1), http2)
}

fn http2(section: &mut Section<'_>) -> Http2Limits {
    let default = Http2Limits::default();
    let max_streams = section.integer("http2_max_streams", default.max_streams, STREAMS);
    let stream_window = section.size("http2_stream_window", default.stream_window.into(), STREAM_WINDOW);
    let enough = u64::from(max_streams) * stream_window;
    let written = section.get("http2_connection_window").is_some();
    let connection_window =
        section.size("http2_connection_window", enough.max(*CONNECTION_WINDOW.start()), CONNECTION_WINDOW);
    if written && connection_window < stream_window {
        let least = SIZE.show(stream_window);
        let hint = format!("write at least `\"{least}\"`, or leave it out");
        section.fail("http2_connection_window", "is smaller than `http2_stream_window`", hint);
    }
    if !written && enough > *CONNECTION_WINDOW.end() {
        let (most, wanted) = (SIZE.show(*CONNECTION_WINDOW.end()), SIZE.show(enough));
        let message = format!(
            "{max_streams} streams with this window need {wanted} on a connection, which can have {most}"
        );
        section.fail("http2_stream_window", message, "write a smaller one, or fewer `http2_max_streams`");
    }
    let window = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
    Http2Limits {
        max_streams,
        stream_window: window(stream_window),
        connection_window: window(connection_window),
    }
}
