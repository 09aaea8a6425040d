//! Pages in the place of the proxy's texts and of backends' errors.

use super::script::Step::{
    Answer, Asked, BackendCloses, Gets, InFlight, NothingAsked, Pass, Refuse, Send, Served, Waits, With,
    Without,
};
use super::script::{GET, OK, ONE, check};
use super::world::Limits;
use crate::config::RequestIdUse;

const PAGES: &str = "intercept = [404, '5xx']\n\
    [[error_page]]\nstatus = ['4xx', '5xx']\ntype = 'text/html; charset=utf-8'\ntext = '<h1>{status} {reason}</h1>'\n\
    [[error_page]]\nstatus = '5xx'\ntype = 'application/json'\ntext = '{\"status\":{status},\"id\":\"{request_id}\"}'\n\
    [[pool.web.error_page]]\nstatus = 503\ntype = 'text/html; charset=utf-8'\ntext = 'back soon'\n";

const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable";
const FAILS: &str = "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\nContent-Type: text/x-trace\r\nETag: \"a\"\r\n\
                     X-Powered-By: secret\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nRetry-After: 7\r\n\
                     WWW-Authenticate: Basic\r\nAccess-Control-Allow-Origin: *\r\nCache-Control: no-store\r\n\r\ntrace";

fn limits() -> Limits {
    let mut limits = Limits { pages: PAGES, ..Limits::one_backend() };
    limits.upstream.retry.attempts = 0;
    limits
}

#[test]
fn what_the_proxy_answers_is_a_page() {
    check(
        "nobody is there",
        limits(),
        &[
            Refuse(1),
            Send(GET),
            Gets(UNAVAILABLE, "back soon"),
            With("content-type: text/html; charset=utf-8"),
            With("content-length: 9"),
            With("x-pointsman-error: connect-failed"),
            With("vary: accept"),
            Waits,
            Send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets(UNAVAILABLE, ""),
            With("content-length: 9"),
            Waits,
            Send("GET / HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n"),
            Gets(UNAVAILABLE, "{\"status\":503,\"id\":\"\"}"),
            With("content-type: application/json"),
            Waits,
        ],
    );
    check(
        "an answer that breaks off",
        limits(),
        &[
            Send("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"),
            Asked("GET / "),
            BackendCloses,
            Gets(BAD_GATEWAY, "<h1>502 Bad Gateway</h1>"),
            With("x-pointsman-error: upstream-reset"),
            InFlight(0),
        ],
    );
    check(
        "a request that is no request",
        limits(),
        &[
            Send("GET / HTTP/1.1\nHost: h\n\n"),
            Gets("HTTP/1.1 400 Bad Request", "<h1>400 Bad Request</h1>"),
            With("x-pointsman-error: bare-lf"),
            With("connection: close"),
            Without("vary: accept"),
            NothingAsked,
        ],
    );
    let mut small = limits();
    small.downstream.max_body = 3;
    check(
        "a body that is too large",
        small,
        &[
            Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"),
            Gets("HTTP/1.1 413 Payload Too Large", "<h1>413 Payload Too Large</h1>"),
            With("connection: close"),
            NothingAsked,
        ],
    );
    check(
        "no route",
        Limits { routes: "[[route]]\nprefix = '/a'\npool = 'web'", ..limits() },
        &[
            Send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "<h1>404 Not Found</h1>"),
            With("x-pointsman-error: no-route"),
            Waits,
        ],
    );
}

#[test]
fn what_names_the_request_is_in_the_page() {
    let mut limits = limits();
    limits.downstream.request_id = RequestIdUse::Pass;
    limits.trusted = true;
    check(
        "an id that a trusted proxy has given",
        limits,
        &[
            Refuse(1),
            Send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: a-1\r\nAccept: application/json\r\n\r\n"),
            Gets(UNAVAILABLE, "{\"status\":503,\"id\":\"a-1\"}"),
            With("x-request-id: a-1"),
        ],
    );
}

#[test]
fn a_backends_error_is_intercepted() {
    check(
        "its status and what the client has to know stay",
        limits(),
        &[
            Send("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"),
            Asked("GET / "),
            Answer(FAILS),
            Gets("HTTP/1.1 500 Internal Server Error", "<h1>500 Internal Server Error</h1>"),
            With("content-length: 34"),
            With("content-type: text/html; charset=utf-8"),
            With("set-cookie: a=1"),
            With("set-cookie: b=2"),
            With("retry-after: 7"),
            With("www-authenticate: basic"),
            With("access-control-allow-origin: *"),
            With("cache-control: no-store"),
            Without("x-powered-by: secret"),
            Without("etag: \"a\""),
            Without("x-pointsman-error"),
            InFlight(0),
            Waits,
            // On the same connections, both of them.
            Served,
        ],
    );
    check(
        "other statuses pass",
        limits(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
            Gets("HTTP/1.1 403 Forbidden", "no"),
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 404 Nope\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "<h1>404 Not Found</h1>"),
            Without("transfer-encoding: chunked"),
            Served,
        ],
    );
    check(
        "a request for a head only",
        limits(),
        &[
            Send("HEAD /a HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"),
            Asked("HEAD /a "),
            Answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4000\r\n\r\n"),
            Gets(BAD_GATEWAY, ""),
            With("content-length: 24"),
            Served,
        ],
    );
}

#[test]
fn a_body_that_isnt_there_is_not_waited_for() {
    check(
        "an error that never ends",
        limits(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 500 Oops\r\nContent-Length: 4000000\r\n\r\nx"),
            Gets("HTTP/1.1 500 Internal Server Error", "<h1>500 Internal Server Error</h1>"),
            InFlight(0),
            Waits,
            // On another connection to the backend.
            Served,
        ],
    );
    check(
        "of a request that isn't there either",
        limits(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nContent-Length: 4000\r\n\r\n"),
            Asked("POST /a "),
            Answer(FAILS),
            Gets("HTTP/1.1 500 Internal Server Error", "<h1>500 Internal Server Error</h1>"),
            With("connection: close"),
            InFlight(0),
        ],
    );
}

#[test]
fn a_retry_comes_before_a_page() {
    let retrying = || {
        let mut limits = Limits { backends: 2, ..limits() };
        limits.upstream.retry.attempts = 1;
        limits.upstream.retry.statuses = vec![http::StatusCode::BAD_GATEWAY];
        limits.upstream.retry.backoff = std::time::Duration::from_millis(1);
        limits
    };
    const FAILS: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1\r\n\r\nx";
    check(
        "that succeeds",
        retrying(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer(FAILS),
            Pass(100),
            Asked("GET /a "),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
}

#[test]
fn calls_and_tunnels_are_told_in_their_own_way() {
    check(
        "a call of gRPC",
        limits(),
        &[
            Send(concat!(
                "POST /a.B/C HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n",
                "Content-Type: application/grpc\r\nContent-Length: 0\r\n\r\n"
            )),
            Asked("POST /a.B/C "),
            Answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"),
            Gets(UNAVAILABLE, "no"),
        ],
    );
    check(
        "a handshake that is refused",
        limits(),
        &[
            Send(
                "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\nAccept: text/html\r\n\r\n",
            ),
            Asked("GET /a "),
            Answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"),
            Gets(BAD_GATEWAY, "<h1>502 Bad Gateway</h1>"),
            Served,
        ],
    );
}

#[test]
fn what_the_client_takes_is_known_after_its_request_is_sent() {
    const POST: &str = "POST /a HTTP/1.1\r\nHost: h\r\nAccept: text/plain;q=0.1\r\nAccept: application/json\r\nContent-Length: 1\r\n\r\nx";
    const JSON: &str = "{\"status\":500,\"id\":\"\"}";
    check(
        "of a request that can be repeated, and of one that can't",
        limits(),
        &[
            Send("PUT /a HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nContent-Length: 1\r\n\r\nx"),
            Asked("PUT /a "),
            Answer(FAILS),
            Gets("HTTP/1.1 500 Internal Server Error", JSON),
            With("content-type: application/json"),
            With("vary: accept"),
            Waits,
            Send(POST),
            Asked("POST /a "),
            Answer(FAILS),
            Gets("HTTP/1.1 500 Internal Server Error", JSON),
            Waits,
            Send(POST),
            Asked("POST /a "),
            BackendCloses,
            Gets(BAD_GATEWAY, "{\"status\":502,\"id\":\"\"}"),
            With("x-pointsman-error: upstream-reset"),
        ],
    );
}

#[test]
fn a_route_says_itself_what_is_intercepted() {
    const NOT_FOUND: &str = "HTTP/1.1 404 Nope\r\nContent-Length: 2\r\n\r\nno";
    const ROUTES: &str = "[[route]]\nprefix = '/none'\npool = 'web'\nintercept = []\n\
        [[route]]\nprefix = '/more'\npool = 'web'\nintercept = [403, 404]\n[[route]]\npool = 'web'\n";
    let page = |path: &'static str, answer: &'static str, status: &'static str, text: &'static str| {
        check(
            path,
            Limits { routes: ROUTES, ..limits() },
            &[Send(path), Asked("GET /"), Answer(answer), Gets(status, text), Waits],
        );
    };
    page("GET /none HTTP/1.1\r\nHost: h\r\n\r\n", NOT_FOUND, "HTTP/1.1 404 Nope", "no");
    page(
        "GET /more HTTP/1.1\r\nHost: h\r\n\r\n",
        NOT_FOUND,
        "HTTP/1.1 404 Not Found",
        "<h1>404 Not Found</h1>",
    );
    page("GET /more HTTP/1.1\r\nHost: h\r\n\r\n", FAILS, "HTTP/1.1 500 Oops", "trace");
    page(
        "GET /other HTTP/1.1\r\nHost: h\r\n\r\n",
        NOT_FOUND,
        "HTTP/1.1 404 Not Found",
        "<h1>404 Not Found</h1>",
    );
}

#[test]
fn an_answer_of_a_route_has_a_page_unless_it_says_something_itself() {
    const ROUTES: &str = "[[route]]\nprefix = '/a'\nrespond = 403\n\
        [[route]]\nrespond = { status = 403, text = 'mine' }\n";
    check(
        "a status alone, and a text",
        Limits { routes: ROUTES, ..limits() },
        &[
            Send(GET),
            Gets("HTTP/1.1 403 Forbidden", "<h1>403 Forbidden</h1>"),
            With("content-type: text/html; charset=utf-8"),
            Without("x-pointsman-error"),
            Waits,
            Send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 403 Forbidden", ""),
            With("content-length: 22"),
            Waits,
            Send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 403 Forbidden", "mine"),
            Waits,
        ],
    );
}
