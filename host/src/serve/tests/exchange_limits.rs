//! Limits of single requests: those of routes and pools in the place of the listener's.

use std::time::Duration;

use super::script::Step::{
    Answer, Asked, AskedExactly, Closed, Gets, InFlight, NothingAsked, Pass, Send, Waits, With,
};
use super::script::{OK, ONE, Step, check};
use super::world::Limits;

/// Routes to one pool: 4 bytes at most, 20, any number, and what the pool says.
const ROUTES: &str = "[[route]]\nprefix = '/small'\npool = 'web'\nmax_body = '4B'\n\
                      [[route]]\nprefix = '/large'\npool = 'web'\nmax_body = '20B'\n\
                      [[route]]\nprefix = '/any'\npool = 'web'\nmax_body = '0B'\n\
                      [[route]]\npool = 'web'";

const TOO_LARGE: &str = "HTTP/1.1 413 Payload Too Large";

/// With 8 bytes at most for what neither a route nor a pool limits.
fn limits(of_pool: Option<u64>) -> Limits {
    let mut limits = Limits { routes: ROUTES, ..Limits::default() };
    limits.downstream.max_body = 8;
    limits.upstream.exchange.max_body = of_pool;
    limits
}

/// A body of so many bytes is refused before a backend hears of it, and one of a byte less passes: with its length in the head, or without.
#[track_caller]
fn bounded(path: &str, of_pool: Option<u64>, most: usize) {
    let leak = |text: String| -> &'static str { text.leak() };
    let head = |path: &str, length: usize| {
        leak(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"))
    };
    let (fits, over) = (head(path, most), head(path, most + 1));
    let body = leak("x".repeat(most));
    let asked = leak(format!("POST {path} "));
    let passes =
        [Send(fits), Asked(asked), Send(body), AskedExactly(body), Answer(ONE), Gets(OK, "1"), Waits];
    check("as large as it may be", limits(of_pool), &passes);
    let refused = [Send(over), Gets(TOO_LARGE, "request body too large\n"), NothingAsked, Closed];
    check("a byte more", limits(of_pool), &refused);
    check(
        "a permission that isn't given",
        limits(of_pool),
        &[
            Send(leak(format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
                most + 1
            ))),
            Gets(TOO_LARGE, "request body too large\n"),
            With("connection: close"),
            NothingAsked,
        ],
    );
    let chunked = leak(format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    let chunks = leak(format!("1\r\nx\r\n{:x};a=b\r\n{}\r\n", most - 1, "x".repeat(most - 1)));
    let passes =
        [Send(chunked), Asked(asked), Send(chunks), Send("0\r\n\r\n"), Answer(ONE), Gets(OK, "1"), Waits];
    check("in chunks", limits(of_pool), &passes);
    check(
        "a byte more in chunks",
        limits(of_pool),
        &[
            Send(chunked),
            Asked(asked),
            Send(chunks),
            Send("1\r\nx\r\n"),
            Gets(TOO_LARGE, "request body too large\n"),
            With("x-pointsman-error: body-too-large"),
            With("connection: close"),
            InFlight(0),
        ],
    );
}

#[test]
fn the_limit_of_a_body_is_that_of_the_narrowest_place() {
    bounded("/small", None, 4);
    bounded("/large", None, 20);
    bounded("/large", Some(6), 20);
    bounded("/", Some(6), 6);
    bounded("/", Some(30), 30);
    bounded("/", None, 8);
}

#[test]
fn a_limit_of_0_takes_any_body() {
    const LONG: &str = "POST /any HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n";
    let served =
        [Send(LONG), Asked("POST /any "), Step::SendMany(b'x', 900), Answer(ONE), Gets(OK, "1"), Waits];
    check("of a route", limits(Some(6)), &served);
    const TO_POOL: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n";
    let served =
        [Send(TO_POOL), Asked("POST / "), Step::SendMany(b'x', 900), Answer(ONE), Gets(OK, "1"), Waits];
    check("of a pool", limits(Some(0)), &served);
}

#[test]
fn a_body_over_its_limit_is_never_sent_again() {
    let mut limits = limits(None);
    limits.upstream.retry.attempts = 2;
    check(
        "an idempotent request whose body would be kept",
        limits,
        &[
            Send("PUT /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            Asked("PUT /small "),
            Send("3\r\ndef\r\n"),
            Gets(TOO_LARGE, "request body too large\n"),
            NothingAsked,
            InFlight(0),
        ],
    );
    check(
        "all of it at once",
        self::limits(None),
        &[
            Send(
                "PUT /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            ),
            Gets(TOO_LARGE, "request body too large\n"),
            With("connection: close"),
            InFlight(0),
        ],
    );
}

#[test]
fn the_time_of_a_request_is_that_of_the_narrowest_place() {
    const ROUTES: &str =
        "[[route]]\nprefix = '/slow'\npool = 'web'\ntotal_timeout = '5s'\n[[route]]\npool = 'web'";
    let late = |path: &str, seconds: u64| {
        let mut limits = Limits { routes: ROUTES, ..Limits::default() };
        limits.upstream.exchange.total_timeout = Some(Duration::from_secs(3));
        let request: &'static str = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").leak();
        check(
            path,
            limits,
            &[
                Send(request),
                Asked("GET /"),
                Pass(seconds * 1_000 - 200),
                Waits,
                Pass(400),
                Gets("HTTP/1.1 504 Gateway Timeout", "the request took too long in all\n"),
                With("x-pointsman-error: total-timeout"),
                InFlight(0),
            ],
        );
    };
    late("/slow", 5);
    late("/", 3);
}

#[test]
fn the_silence_of_a_tunnel_is_that_of_the_narrowest_place() {
    const ROUTES: &str =
        "[[route]]\nprefix = '/chat'\npool = 'web'\ntunnel_timeout = '7s'\n[[route]]\npool = 'web'";
    const SWITCHES: &str =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let silent = |path: &str, of_pool: Option<u64>, seconds: u64| {
        let mut limits = Limits { routes: ROUTES, ..Limits::default() };
        limits.downstream.tunnel_timeout = Duration::from_secs(2);
        limits.upstream.exchange.tunnel_timeout = of_pool.map(Duration::from_secs);
        let request: &'static str =
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                .leak();
        check(
            path,
            limits,
            &[
                Send(request),
                Asked("GET /"),
                Answer(SWITCHES),
                Gets("HTTP/1.1 101 Switching Protocols", ""),
                Pass(seconds * 1_000 - 200),
                Send("up"),
                AskedExactly("up"),
                Pass(seconds * 1_000 - 200),
                InFlight(1),
                Pass(400),
                InFlight(0),
                Closed,
            ],
        );
    };
    silent("/chat", None, 7);
    silent("/chat", Some(4), 7);
    silent("/", Some(4), 4);
    silent("/", None, 2);
}
