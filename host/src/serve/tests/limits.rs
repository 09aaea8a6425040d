//! Requests that are over a limit.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::StatusCode;
use pointsman_core::request_limit::{
    ClientPrefix, KeyPart, LimitKey, LimitSettings, MissingKey, Rate, RequestLimit,
};

use super::script::Step::{
    Answer, Asked, BackendCloses, Closed, Gets, InFlight, NothingAsked, Pass, Send, Served, ShutDown, Waits,
    With, Without,
};
use super::script::{GET, OK, ONE, check};
use super::world::Limits;

const REFUSED: &str = "HTTP/1.1 429 Too Many Requests";
const ASKS: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHES: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

/// So many requests in a second, and so many at a time; 0 = any number.
fn settings(rate: u32, concurrency: u32) -> LimitSettings {
    let rate = NonZeroU32::new(rate).map(|requests| Rate {
        requests,
        per: std::time::Duration::from_secs(1),
        burst: requests,
    });
    let key = LimitKey {
        parts: vec![KeyPart::Client],
        client: ClientPrefix::default(),
        missing: MissingKey::Share,
    };
    let status = StatusCode::TOO_MANY_REQUESTS;
    LimitSettings {
        key,
        rate,
        concurrency: NonZeroU32::new(concurrency),
        max_keys: 100,
        status,
        dry_run: false,
    }
}

fn limited(limits: impl IntoIterator<Item = LimitSettings>) -> Limits {
    let limits = limits.into_iter().map(|settings| Arc::new(RequestLimit::new("x", settings)));
    Limits { keys: limits.collect(), ..Limits::default() }
}

#[test]
fn what_comes_too_soon_is_refused_before_a_backend_is_picked() {
    check(
        "two a second",
        limited([settings(2, 0)]),
        &[
            Served,
            Served,
            Send(GET),
            Gets(REFUSED, "too many requests\n"),
            With("retry-after: 1"),
            With("x-pointsman-error: rate-limited"),
            NothingAsked,
            Pass(500),
            Served,
            Send(GET),
            Gets(REFUSED, "too many requests\n"),
            Pass(1_000),
            Served,
            Served,
            InFlight(0),
        ],
    );
    let mut slow = settings(1, 0);
    slow.rate.as_mut().expect("a rate").per = std::time::Duration::from_millis(20_500);
    slow.status = StatusCode::SERVICE_UNAVAILABLE;
    check(
        "seconds are rounded up, and the status is what is configured",
        limited([slow]),
        &[
            Served,
            Pass(1_000),
            Send(GET),
            Gets("HTTP/1.1 503 Service Unavailable", "too many requests\n"),
            With("retry-after: 20"),
            Pass(19_450),
            Send(GET),
            Gets("HTTP/1.1 503 Service Unavailable", "too many requests\n"),
            With("retry-after: 1"),
        ],
    );
    check(
        "a dry run",
        limited([LimitSettings { dry_run: true, ..settings(1, 0) }]),
        &[Served, Served, Without("retry-after"), Served],
    );
}

#[test]
fn a_request_over_one_limit_takes_nothing_of_the_others() {
    check(
        "the first has room for two, the second for one a second",
        limited([LimitSettings { rate: settings(2, 0).rate, ..settings(0, 2) }, settings(1, 0)]),
        &[
            Served,
            Send(GET),
            Gets(REFUSED, "too many requests\n"),
            Send(GET),
            Gets(REFUSED, "too many requests\n"),
            Pass(1_000),
            Served,
            InFlight(0),
        ],
    );
}

#[test]
fn a_call_is_told_in_its_own_way() {
    check(
        "gRPC",
        limited([settings(1, 0)]),
        &[
            Served,
            Send(
                "POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 0\r\n\r\n",
            ),
            Gets(OK, ""),
            With("grpc-status: 8"),
            With("grpc-message: too many requests"),
            With("x-pointsman-error: rate-limited"),
        ],
    );
}

/// One at a time: each of these ways in which a request ends has to free its place, or what follows would be refused.
#[test]
fn a_place_is_free_again_however_the_request_ends() {
    let one = || limited([settings(0, 1)]);
    check("one after the other", one(), &[Served, Served, Served]);
    check(
        "after a tunnel, not after its head",
        one(),
        &[
            Send(ASKS),
            Asked("GET /a "),
            Answer(SWITCHES),
            Gets("HTTP/1.1 101 Switching Protocols", ""),
            InFlight(1),
            ShutDown,
            BackendCloses,
            Pass(0),
            InFlight(0),
            Closed,
        ],
    );
    check(
        "an upgrade that is declined",
        one(),
        &[Send(ASKS), Asked("GET /a "), Answer(ONE), Gets(OK, "1"), Served],
    );
    check(
        "a failure",
        one(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
            Asked("POST /a "),
            BackendCloses,
            Gets("HTTP/1.1 502 Bad Gateway", "the backend closed the connection early\n"),
            Served,
            Waits,
        ],
    );
}
