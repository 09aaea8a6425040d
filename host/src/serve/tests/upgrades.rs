//! Requests for another protocol.

use super::script::Step::{
    Answer, Asked, AskedExactly, BackendCloses, Closed, Gets, InFlight, NothingAsked, Pass, Send, ShutDown,
    Waits, With, Without,
};
use super::script::{OK, ONE, check};
use super::world::Limits;

const ASKS: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHES: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols";

#[test]
fn both_sides_agree() {
    check(
        "bytes go both ways",
        Limits::default(),
        &[
            Send(ASKS),
            Asked("GET /a "),
            Answer(SWITCHES),
            Gets(SWITCHED, ""),
            With("upgrade: websocket"),
            Send("up"),
            AskedExactly("up"),
            InFlight(1),
            Answer("HTTP/1.1 200 down\r\n\r\n"),
            Gets("HTTP/1.1 200 down", ""),
            ShutDown,
            InFlight(1),
            BackendCloses,
            Pass(0),
            InFlight(0),
            Closed,
        ],
    );
    check(
        "what was sent before the answer waits for it",
        Limits::default(),
        &[
            Send(ASKS),
            Send("early"),
            Asked("GET /a "),
            NothingAsked,
            Answer(SWITCHES),
            Gets(SWITCHED, ""),
            AskedExactly("early"),
        ],
    );
    check(
        "what the backend says with its answer",
        Limits::default(),
        &[
            Send(ASKS),
            Asked("GET /a "),
            Answer(concat!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                "HTTP/1.1 0 hello\r\n\r\n"
            )),
            Gets(SWITCHED, ""),
            Gets("HTTP/1.1 0 hello", ""),
        ],
    );
}

#[test]
fn the_backend_declines() {
    check(
        "the next request follows",
        Limits::default(),
        &[
            Send(ASKS),
            Asked("GET /a "),
            Send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            NothingAsked,
            Answer(ONE),
            Gets(OK, "1"),
            Without("connection"),
            Asked("GET /b "),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "what follows is checked as any request",
        Limits::default(),
        &[
            Send(ASKS),
            Send("\x01\x02 websocket frames\r\n\r\n"),
            Asked("GET /a "),
            Answer(ONE),
            Gets(OK, "1"),
            Gets("HTTP/1.1 400 Bad Request", "malformed request head\n"),
            NothingAsked,
            Closed,
        ],
    );
}

#[test]
fn what_was_not_asked_for_is_refused() {
    check(
        "a change that the client didn't ask for",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer(SWITCHES),
            Gets("HTTP/1.1 502 Bad Gateway", "the backend changed the protocol unasked\n"),
            With("x-pointsman-error: unwanted-upgrade"),
            InFlight(0),
            Waits,
        ],
    );
    check(
        "a change to HTTP/2 goes past what is checked here",
        Limits::default(),
        &[
            Send(
                "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            ),
            AskedExactly(concat!(
                "GET /a HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\n",
                "x-forwarded-host: h\r\nvia: 1.1 pointsman\r\n\r\n"
            )),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "a change before the body is whole",
        Limits::default(),
        &[
            Send(concat!(
                "POST /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n",
                "Content-Length: 4\r\n\r\nab"
            )),
            Asked("POST /a "),
            Answer(SWITCHES),
            Gets(
                "HTTP/1.1 502 Bad Gateway",
                "the backend changed the protocol before the request was whole\n",
            ),
            With("connection: close"),
            InFlight(0),
        ],
    );
}

#[test]
fn silence_ends_a_tunnel() {
    let mut limits = Limits::default();
    limits.downstream.tunnel_timeout = std::time::Duration::from_secs(5);
    limits.upstream.exchange.total_timeout = Some(std::time::Duration::from_secs(1));
    check(
        "after its timeout, whatever the request's was",
        limits,
        &[
            Send(ASKS),
            Asked("GET /a "),
            Answer(SWITCHES),
            Gets(SWITCHED, ""),
            Pass(4_000),
            Send("up"),
            AskedExactly("up"),
            Pass(4_800),
            InFlight(1),
            Pass(400),
            InFlight(0),
            Closed,
        ],
    );
    check(
        "each side closes for itself",
        Limits::default(),
        &[
            Send(ASKS),
            Asked("GET /a "),
            Answer(SWITCHES),
            Gets(SWITCHED, ""),
            BackendCloses,
            Pass(0),
            Closed,
            InFlight(1),
            ShutDown,
            Pass(0),
            InFlight(0),
        ],
    );
}
