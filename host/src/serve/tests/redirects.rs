//! Routes that redirect, and what hostile requests make of them.

use super::script::Step::{Closed, Gets, GetsExactly, NothingAsked, Send, Waits, With, Without};
use super::script::{Step, check};
use super::world::Limits;

const FOUND: &str = "HTTP/1.1 302 Found";
const ELSEWHERE: &str = "this is to be had elsewhere\n";

fn limits(routes: &'static str) -> Limits {
    Limits { routes, ..Limits::default() }
}

/// The request is redirected to there, which no backend hears of.
#[track_caller]
fn redirected(routes: &'static str, request: &'static str, location: &'static str) {
    check(
        request,
        limits(routes),
        &[
            Send(request),
            Gets(FOUND, ELSEWHERE),
            With(location),
            Without("x-pointsman-error"),
            NothingAsked,
            Waits,
        ],
    );
}

#[test]
fn what_isnt_given_stays_the_requests() {
    const SHOP: &str = "[[route]]\nname = 'moved'\nprefix = '/old'\nredirect = { status = 308, host = 'www.example.com', \
                        replace_prefix = '/new' }";
    check(
        "all of it",
        limits(SHOP),
        &[
            Send("GET /old/a%20b?q=1 HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n"),
            Gets("HTTP/1.1 308 Permanent Redirect", ELSEWHERE),
            With("location: http://www.example.com/new/a%20b?q=1"),
            With("content-length: 28"),
            With("content-type: text/plain; charset=utf-8"),
            NothingAsked,
            Waits,
            Send("HEAD /old HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n"),
            Gets("HTTP/1.1 308 Permanent Redirect", ""),
            With("location: http://www.example.com/new"),
            With("content-length: 28"),
            Waits,
        ],
    );
    let https = "[[route]]\nredirect = { scheme = 'https' }";
    redirected(https, "GET /x?y HTTP/1.1\r\nHost: a.test:8080\r\n\r\n", "location: https://a.test/x?y");
    redirected(https, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "location: https://[::1]/");
    redirected(https, "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", "location: https://a.test/");
    let port = "[[route]]\nredirect = { port = 8443 }";
    redirected(port, "GET /x HTTP/1.1\r\nHost: a.test:8080\r\n\r\n", "location: http://a.test:8443/x");
    let usual = "[[route]]\nredirect = 'https://b.test:443'";
    redirected(usual, "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "location: https://b.test/x");
    let root = "[[route]]\nredirect = 'https://b.test/?'";
    redirected(root, "GET /x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "location: https://b.test/");
    let captures = "[[route]]\nregex = '^/u/([0-9]+)/(?<rest>.*)$'\nredirect = { path = '/users/${rest}', query = { add = 'id=$1' } }";
    redirected(captures, "GET /u/7/a?b HTTP/1.1\r\nHost: a.test\r\n\r\n", "location: /users/a?id=7&b");
}

#[test]
fn the_scheme_is_that_of_the_client() {
    let request = "GET /x HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\n\r\n";
    for (trusted, location) in [(true, "location: https://b.test/x"), (false, "location: http://b.test/x")] {
        let limits =
            Limits { trusted, ..limits("[[route]]\nhost = 'a.test'\nredirect = { host = 'b.test' }") };
        check("through a proxy", limits, &[Send(request), Gets(FOUND, ELSEWHERE), With(location)]);
    }
}

#[test]
fn no_request_makes_a_redirect_to_a_host_or_a_field() {
    let go = "[[route]]\nregex = '(?s)^/go(.*)$'\nredirect = '$1'";
    for (request, location) in [
        ("GET /go//evil.example/%2e%2e HTTP/1.1\r\nHost: a\r\n\r\n", "location: /"),
        ("GET /go//evil.example/.. HTTP/1.1\r\nHost: a\r\n\r\n", "location: /"),
        ("GET /go//evil.example HTTP/1.1\r\nHost: a\r\n\r\n", "location: /evil.example"),
        ("GET /go/%2fevil.example HTTP/1.1\r\nHost: a\r\n\r\n", "location: /evil.example"),
        ("GET /go/\\evil HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%5cevil"),
        ("GET /go/%5cevil HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%5cevil"),
        ("GET /go\\evil HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%5cevil"),
        ("GET /go/%09/evil HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%09/evil"),
        ("GET /go@evil.example HTTP/1.1\r\nHost: a\r\n\r\n", "location: /@evil.example"),
        ("GET /go.evil.example HTTP/1.1\r\nHost: a\r\n\r\n", "location: /.evil.example"),
        ("GET /go/%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%0d%0aset-cookie:x"),
        ("GET /go/%00%0a%23%3f HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%00%0a%23%3f"),
        ("GET /go/x?%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: a\r\n\r\n", "location: /x?%0d%0aset-cookie:x"),
        ("GET http://b.test//go//evil HTTP/1.1\r\nHost: a\r\n\r\n", "location: /evil"),
    ] {
        redirected(go, request, location);
    }
    // The path stays: what two slashes begin is a host all the same.
    let drop = "[[route]]\nquery = { utm = true }\nredirect = { query = 'drop' }";
    for (request, location) in [
        ("GET //evil.example/%2f..?utm HTTP/1.1\r\nHost: a\r\n\r\n", "location: /evil.example/%2f.."),
        ("GET /\\evil?utm HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%5cevil"),
        ("GET ///\\\\evil?utm HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%5c%5cevil"),
        ("GET /\"<>`\u{e9}?utm HTTP/1.1\r\nHost: a\r\n\r\n", "location: /%22%3c%3e%60%c3%a9"),
    ] {
        redirected(drop, request, location);
    }
    // Behind a host nothing is one.
    let https = "[[route]]\nredirect = { scheme = 'https' }";
    redirected(https, "GET //evil/ HTTP/1.1\r\nHost: a\r\n\r\n", "location: https://a//evil/");
    redirected(https, "GET http://b.test:99/x HTTP/1.1\r\nHost: a\r\n\r\n", "location: https://b.test/x");
    redirected(https, "GET /@evil HTTP/1.1\r\nHost: a:1\r\n\r\n", "location: https://a/@evil");
}

#[test]
fn without_a_host_only_a_path_can_be_told() {
    let refused: &[Step] = &[
        Gets("HTTP/1.1 400 Bad Request", "missing, repeated or malformed Host\n"),
        With("x-pointsman-error: host"),
        Closed,
    ];
    let https = "[[route]]\nredirect = { scheme = 'https' }";
    for request in [
        "GET /x HTTP/1.0\r\nHost:\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: :80\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a.test@evil.example\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a.test/evil\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a.test:80:90\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a.test\r\nHost: evil.example\r\n\r\n",
    ] {
        check(request, limits(https), &[&[Send(request)], refused].concat());
    }
    {
        let request = "GET /x HTTP/1.0\r\n\r\n";
        let refused = Gets("HTTP/1.0 400 Bad Request", "missing, repeated or malformed Host\n");
        check(request, limits(https), &[Send(request), refused, With("x-pointsman-error: host")]);
    }
    check(
        "a path is known all the same",
        limits("[[route]]\nredirect = '/y'\nexact = '/x'"),
        &[
            Send("GET /x HTTP/1.0\r\n\r\n"),
            Gets("HTTP/1.0 302 Found", ELSEWHERE),
            With("location: /y"),
            Closed,
        ],
    );
    check(
        "so is another host",
        limits("[[route]]\nredirect = 'http://b.test'"),
        &[
            Send("GET /x HTTP/1.0\r\n\r\n"),
            Gets("HTTP/1.0 302 Found", ELSEWHERE),
            With("location: http://b.test/x"),
            Closed,
        ],
    );
}

#[test]
fn a_body_that_nobody_reads_ends_the_connection() {
    let routes = "[[route]]\nredirect = { status = 307, host = 'b.test' }";
    check(
        "a body",
        limits(routes),
        &[
            Send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"),
            Gets("HTTP/1.1 307 Temporary Redirect", ELSEWHERE),
            With("connection: close"),
        ],
    );
    check(
        "a permission that isn't given",
        limits(routes),
        &[
            Send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
            Gets("HTTP/1.1 307 Temporary Redirect", ELSEWHERE),
            With("connection: close"),
        ],
    );
    check(
        "an upgrade is declined, and what follows is a request",
        limits(routes),
        &[
            Send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Gets("HTTP/1.1 307 Temporary Redirect", ELSEWHERE),
            Send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n"),
            Gets("HTTP/1.1 307 Temporary Redirect", ELSEWHERE),
            With("location: http://b.test/y"),
            GetsExactly(""),
            Waits,
        ],
    );
}
