//! `protocol` and `http2_*` of a pool.

use pointsman_core::backend::BackendLimits;
use pointsman_core::pool::{BackendProtocol, Http2Limits};

use super::*;

fn limits(keys: &str) -> (BackendProtocol, Http2Limits) {
    let limits = good(&format!("{LISTENER}{POOL}{keys}")).pools.remove(0).limits;
    (limits.protocol, limits.http2)
}

#[test]
fn backends_are_spoken_to_as_is_written() {
    let default = Http2Limits { max_streams: 100, stream_window: 65_536, connection_window: 6_553_600 };
    assert_eq!(limits(""), (BackendProtocol::Http1, default));
    assert_eq!(limits("protocol = 'http1'"), (BackendProtocol::Http1, default));
    assert_eq!(limits("protocol = 'h2'"), (BackendProtocol::H2, default));
    assert_eq!(limits("protocol = 'h2'\ntls = {}"), (BackendProtocol::H2, default));
    assert_eq!(limits("protocol = 'auto'\ntls = {}"), (BackendProtocol::Auto, default));
}

#[test]
fn the_window_of_a_connection_is_enough_for_all_its_streams() {
    let windows = |keys: &str| {
        let Http2Limits { max_streams, stream_window, connection_window } =
            limits(&format!("protocol = 'h2'\n{keys}")).1;
        (max_streams, stream_window, connection_window)
    };
    assert_eq!(windows("http2_max_streams = 8"), (8, 65_536, 8 * 65_536));
    assert_eq!(windows("http2_max_streams = 3\nhttp2_stream_window = '16KiB'"), (3, 16_384, 65_536));
    assert_eq!(windows("http2_stream_window = '1MiB'"), (100, 1 << 20, 100 << 20));
    let all = "http2_max_streams = 10000\nhttp2_stream_window = '1GiB'\nhttp2_connection_window = '1GiB'";
    assert_eq!(windows(all), (10_000, 1 << 30, 1 << 30));
}

#[test]
fn a_backend_of_http2_has_room_for_streams_and_not_only_connections() {
    let room = |keys: &str| {
        let text = format!("{LISTENER}{POOL}max_connections = 2\nmax_requests = 500\ntls = {{}}\n{keys}");
        good(&text).pools.remove(0).limits.capacity().of(BackendLimits::default())
    };
    assert_eq!(room(""), 2);
    assert_eq!(room("protocol = 'h2'"), 200);
    assert_eq!(room("protocol = 'h2'\nhttp2_max_streams = 1000"), 500);
    assert_eq!(room("protocol = 'auto'"), 2, "a backend may choose HTTP/1.1");
}

#[test]
fn faults_of_a_pool_s_protocol() {
    check_all(
        &format!("{LISTENER}{POOL}{{}}"),
        &[
            (
                "protocol = 'http2'",
                &["5: pool.a.protocol: `http2` is none of the choices; write one of `http1`, `h2`, `auto`"],
            ),
            (
                "protocol = 'auto'",
                &[
                    "5: pool.a.protocol: `auto` is decided within the TLS handshake, and the backends are spoken to in clear; \
                     write `protocol = \"h2\"` or `\"http1\"`, or add a section `[pool.NAME.tls]`",
                ],
            ),
            (
                "protocol = 'h2'\nproxy_protocol = 'v2'",
                &[
                    "5: pool.a.protocol: can't be with `proxy_protocol`: a connection over HTTP/2 serves many clients, and the header names one; \
                     write `protocol = \"http1\"`, or remove `proxy_protocol`",
                ],
            ),
            (
                "http2_max_streams = 8\nprotocol = 'http1'\nhttp2_stream_window = '1MiB'",
                &[
                    "5: pool.a.http2_max_streams: isn't used: the backends are spoken to in HTTP/1; write `protocol = \"h2\"`, or remove it",
                    "7: pool.a.http2_stream_window: isn't used: the backends are spoken to in HTTP/1; write `protocol = \"h2\"`, or remove it",
                ],
            ),
            (
                "protocol = 'h2'\nhttp2_max_streams = 0\nhttp2_stream_window = '0B'\nhttp2_connection_window = '2GiB'",
                &[
                    "6: pool.a.http2_max_streams: `0` is out of range; write a whole number from 1 to 10000",
                    "7: pool.a.http2_stream_window: `0B` is out of range; write a size from `\"16KiB\"` to `\"1GiB\"`",
                    "8: pool.a.http2_connection_window: `2GiB` is out of range; write a size from `\"64KiB\"` to `\"1GiB\"`",
                ],
            ),
            (
                "protocol = 'h2'\nhttp2_stream_window = '1MiB'\nhttp2_connection_window = '64KiB'",
                &[
                    "7: pool.a.http2_connection_window: is smaller than `http2_stream_window`; write at least `\"1MiB\"`, or leave it out",
                ],
            ),
            (
                "protocol = 'h2'\nhttp2_stream_window = '64MiB'",
                &[
                    "6: pool.a.http2_stream_window: 100 streams with this window need 6400MiB on a connection, which can have 1GiB; \
                     write a smaller one, or fewer `http2_max_streams`",
                ],
            ),
            (
                "protocol = 'h2'\nhttp2_max_streams = 10000\nhttp2_stream_window = '1MiB'",
                &[
                    "7: pool.a.http2_stream_window: 10000 streams with this window need 10000MiB on a connection, which can have 1GiB; \
                     write a smaller one, or fewer `http2_max_streams`",
                ],
            ),
        ],
    );
}
