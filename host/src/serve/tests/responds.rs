//! Routes that answer by themselves.

use super::script::Step::{
    Answer, Asked, Closed, Gets, GetsExactly, NothingAsked, Send, Waits, With, Without,
};
use super::script::{OK, ONE, check};
use super::world::Limits;

fn limits(routes: &'static str) -> Limits {
    Limits { routes, ..Limits::default() }
}

#[test]
fn a_route_answers_in_place_of_a_backend() {
    const ROUTES: &str = "[[route]]\nprefix = '/.git'\nrespond = 404\n[[route]]\nexact = '/ping'\nrespond = { text = 'pong', headers = { \
                          cache-control = 'no-store' } }\n[[route]]\npool = 'web'";
    check(
        "some paths",
        limits(ROUTES),
        &[
            Send("GET /.git/config HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "Not Found\n"),
            With("content-length: 10"),
            With("content-type: text/plain; charset=utf-8"),
            Without("x-pointsman-error"),
            NothingAsked,
            Send("GET /ping HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets(OK, "pong"),
            With("cache-control: no-store"),
            NothingAsked,
            Waits,
            Send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /other "),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "no way around it",
        limits(ROUTES),
        &[
            Send("GET //.git/config HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "Not Found\n"),
            Send("GET /x/..%2f%2egit/config HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "Not Found\n"),
            Send("GET http://h/%2Egit HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "Not Found\n"),
            NothingAsked,
            Waits,
        ],
    );
}

#[test]
fn head_is_get_without_content() {
    check(
        "HEAD",
        limits("[[route]]\nrespond = { text = 'pong' }"),
        &[
            Send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets(OK, ""),
            With("content-length: 4"),
            With("content-type: text/plain; charset=utf-8"),
            Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets(OK, "pong"),
            GetsExactly(""),
            Waits,
        ],
    );
    check(
        "an old client",
        limits("[[route]]\nrespond = { text = 'pong' }"),
        &[Send("GET / HTTP/1.0\r\n\r\n"), Gets("HTTP/1.0 200 OK", "pong"), With("content-length: 4"), Closed],
    );
}

#[test]
fn some_statuses_have_no_content() {
    for (routes, status, length) in [
        ("[[route]]\nrespond = 204", "HTTP/1.1 204 No Content", None),
        ("[[route]]\nrespond = 304", "HTTP/1.1 304 Not Modified", None),
        ("[[route]]\nrespond = 205", "HTTP/1.1 205 Reset Content", Some("content-length: 0")),
        ("[[route]]\nrespond = 200", OK, Some("content-length: 0")),
        (
            "[[route]]\nrespond = { status = 403, text = '' }",
            "HTTP/1.1 403 Forbidden",
            Some("content-length: 0"),
        ),
    ] {
        let length = length.map_or(Without("content-length"), With);
        for _ in ["once", "twice on one connection"] {
            check(
                routes,
                limits(routes),
                &[
                    Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
                    Gets(status, ""),
                    length,
                    Without("content-type"),
                    Without("transfer-encoding"),
                    Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
                    Gets(status, ""),
                    GetsExactly(""),
                    Waits,
                ],
            );
        }
    }
}

#[test]
fn rules_of_the_route_apply_to_its_own_answers() {
    check(
        "an answer",
        limits(
            "[[route]]\nname = 'closed'\nrespond = { status = 403, text = 'no', headers = { a = '1', x-path = '{path}' } }\n\
             response_headers = { set = { a = '{route}', b = '{client}{pool}{backend}' }, remove = ['content-type'] }",
        ),
        &[
            Send("GET /a%0d%0ab?c HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 403 Forbidden", "no"),
            With("a: closed"),
            With("b: 192.0.2.1"),
            With("x-path: /a%0d%0ab"),
            Without("content-type"),
            Waits,
        ],
    );
    check(
        "a redirect",
        limits(
            "[[route]]\nname = 'r'\nredirect = 'https://b.test'\nresponse_headers.set = { x-route = '{route} {query}' }",
        ),
        &[
            Send("GET /x?y=z HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 302 Found", "this is to be had elsewhere\n"),
            With("location: https://b.test/x?y=z"),
            With("x-route: r y=z"),
            Waits,
        ],
    );
}

#[test]
fn a_body_that_nobody_reads_ends_the_connection() {
    check(
        "a body",
        limits("[[route]]\nrespond = 405"),
        &[
            Send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
            Gets("HTTP/1.1 405 Method Not Allowed", "Method Not Allowed\n"),
            With("connection: close"),
            NothingAsked,
        ],
    );
    check(
        "a permission that isn't given",
        limits("[[route]]\nrespond = 200"),
        &[
            Send("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
            Gets(OK, ""),
            With("connection: close"),
        ],
    );
    check(
        "an upgrade is declined, and what follows is a request",
        limits("[[route]]\nrespond = { text = 'no' }"),
        &[
            Send("GET /x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Gets(OK, "no"),
            Without("upgrade"),
            Send("GET /y HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets(OK, "no"),
            GetsExactly(""),
            Waits,
        ],
    );
}

#[test]
fn a_call_of_grpc_is_told_in_its_own_terms() {
    const CALL: &str = "POST /pkg.Service/Method HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nContent-Type: application/grpc+proto\r\n\
                        Content-Length: 0\r\n\r\n";
    for (routes, status) in [
        ("[[route]]\nrespond = 403", "grpc-status: 7"),
        ("[[route]]\nrespond = 404", "grpc-status: 12"),
        ("[[route]]\nrespond = 503", "grpc-status: 14"),
        ("[[route]]\nrespond = { text = 'pong' }", "grpc-status: 2"),
    ] {
        check(
            routes,
            limits(routes),
            &[
                Send(CALL),
                Gets(OK, ""),
                With(status),
                With("content-type: application/grpc"),
                Without("x-pointsman-error"),
                NothingAsked,
            ],
        );
    }
}
