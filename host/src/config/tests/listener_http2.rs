//! `http2` and `http2_*` of a listener.

use super::super::{Http2Limits, Http2Use};
use super::*;

fn limits(keys: &str) -> (Http2Use, Http2Limits) {
    let limits = good(&format!("{LISTENER}{keys}\n{POOL}")).listeners.remove(0).limits;
    (limits.http2, limits.http2_limits)
}

#[test]
fn clients_may_speak_it_unless_something_else_is_written() {
    let default = Http2Limits {
        max_streams: 100,
        stream_window: 262_144,
        connection_window: 1_048_576,
        max_frame: 16_384,
    };
    assert_eq!(limits(""), (Http2Use::Auto, default));
    assert_eq!(limits("http2 = 'auto'"), (Http2Use::Auto, default));
    assert_eq!(limits("http2 = 'off'"), (Http2Use::Off, default));
    assert_eq!(limits("http2 = 'only'"), (Http2Use::Only, default));
    assert_eq!(limits("http2 = 'off'\nredirect = 'https'"), (Http2Use::Off, default));
    let all = "http2_max_streams = 10000\nhttp2_stream_window = '1GiB'\nhttp2_connection_window = '1GiB'\nhttp2_max_frame = '1MiB'";
    let written = Http2Limits {
        max_streams: 10_000,
        stream_window: 1 << 30,
        connection_window: 1 << 30,
        max_frame: 1 << 20,
    };
    assert_eq!(limits(all), (Http2Use::Auto, written));
}

#[test]
fn a_larger_window_of_streams_needs_no_second_key() {
    let window = |keys: &str| limits(keys).1.connection_window;
    assert_eq!(window("http2_stream_window = '16KiB'"), 1 << 20);
    assert_eq!(window("http2_stream_window = '4MiB'"), 4 << 20);
    assert_eq!(window("http2_stream_window = '64KiB'\nhttp2_connection_window = '64KiB'"), 64 << 10);
}

#[test]
fn faults_of_http2() {
    check_all(
        &format!("{LISTENER}{{}}\n{POOL}"),
        &[
            (
                "http2 = true",
                &["3: listener[0].http2: is a boolean, not a text; put it in quotes: `\"true\"`"],
            ),
            (
                "http2 = 'on'",
                &["3: listener[0].http2: `on` is none of the choices; write one of `auto`, `off`, `only`"],
            ),
            (
                "http2 = 'only'\nredirect = 'https'",
                &[
                    "3: listener[0].http2: can't be `only` with `redirect`: browsers speak HTTP/2 over TLS only, so that none would be redirected; leave it out",
                ],
            ),
            (
                "http2_max_streams = 1\nhttp2 = 'off'\nhttp2_max_frame = '16KiB'",
                &[
                    "3: listener[0].http2_max_streams: isn't used: `http2` is off; write `http2 = \"auto\"`, or remove it",
                    "5: listener[0].http2_max_frame: isn't used: `http2` is off; write `http2 = \"auto\"`, or remove it",
                ],
            ),
            (
                "http2_max_streams = 0\nhttp2_stream_window = '8KiB'\nhttp2_connection_window = '2GiB'\nhttp2_max_frame = 16384",
                &[
                    "3: listener[0].http2_max_streams: `0` is out of range; write a whole number from 1 to 10000",
                    r#"4: listener[0].http2_stream_window: `8KiB` is out of range; write a size from `"16KiB"` to `"1GiB"`"#,
                    r#"5: listener[0].http2_connection_window: `2GiB` is out of range; write a size from `"64KiB"` to `"1GiB"`"#,
                    r#"6: listener[0].http2_max_frame: `16384` has no unit; write `"16384B"`"#,
                ],
            ),
            (
                "http2_max_frame = '15KiB'",
                &[
                    r#"3: listener[0].http2_max_frame: `15KiB` is out of range; write a size from `"16KiB"` to `"1MiB"`"#,
                ],
            ),
            (
                "http2_stream_window = '1MiB'\nhttp2_connection_window = '512KiB'",
                &[
                    r#"4: listener[0].http2_connection_window: is smaller than `http2_stream_window`; write at least `"1MiB"`, or leave it out"#,
                ],
            ),
            (
                "http2_max_frame = '512KiB'",
                &[
                    r#"3: listener[0].http2_max_frame: is larger than `http2_stream_window`, which no frame exceeds; write at most `"256KiB"`, or raise `http2_stream_window`"#,
                ],
            ),
            (
                "http2_max_stream = 5",
                &[
                    "3: listener[0].http2_max_stream: unknown key `http2_max_stream`; did you mean `http2_max_streams`?",
                ],
            ),
        ],
    );
}
