//! Routes whose backends are asked for another target, and what hostile requests make of them.

use pointsman_core::route::PathNormalization;

use super::script::Step::{
    Accept, Answer, Asked, AskedExactly, BackendCloses, Gets, NothingAsked, Pass, Refuse, Send, Waits, With,
};
use super::script::{OK, ONE, check};
use super::world::Limits;

fn limits(routes: &'static str) -> Limits {
    Limits { routes, backends: 1, ..Limits::default() }
}

/// A backend is asked for this, and told that of the client's target; these are the lines after `x-forwarded-host`.
#[track_caller]
fn asked(routes: &'static str, target: &str, line: &str, told: &str) {
    asked_with(limits(routes), target, line, told);
}

#[track_caller]
fn asked_with(limits: Limits, target: &str, line: &str, told: &str) {
    let request: &'static str = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").leak();
    let expected: &'static str = format!(
        "GET {line} HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\n\
         via: 1.1 pointsman\r\n{told}\r\n"
    )
    .leak();
    check(target, limits, &[Send(request), AskedExactly(expected), Answer(ONE), Gets(OK, "1"), Waits]);
}

const STRIP: &str =
    "[[route]]\nprefix = '/api'\npool = 'web'\nrewrite = { strip_prefix = '/api' }\n[[route]]\nrespond = 404";

#[test]
fn a_prefix_is_taken_off_by_whole_segments() {
    for (target, line) in [
        ("/api/x?y=/api", "/x?y=/api"),
        ("/api", "/"),
        ("/api?", "/?"),
        ("/api/", "/"),
        ("/api/api/x", "/api/x"),
        ("/api/a%20b%2fc", "/a%20b%2fc"),
        ("/api/;v=1/x", "/;v=1/x"),
        ("/api/%c3%a9", "/%c3%a9"),
    ] {
        let told = format!("x-forwarded-uri: {target}\r\nx-forwarded-prefix: /api\r\n");
        asked(STRIP, target, line, &told);
    }
    check(
        "another segment is another path",
        limits(STRIP),
        &[
            Send("GET /apix/y HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "Not Found\n"),
            NothingAsked,
        ],
    );
}

#[test]
fn no_path_leads_out_of_what_is_left() {
    // Each reaches a backend only as a path that begins with one slash, and means what the route was chosen for.
    for (target, line) in [
        ("/api//evil.example/x", "/evil.example/x"),
        ("/api///x", "/x"),
        ("//api//x", "/x"),
        ("/api/\\evil", "/%5Cevil"),
        ("/api/./x", "/./x"),
        ("/api/x/../y", "/x/../y"),
        ("/x/../api/y", "/y"),
        ("/%61pi/y", "/y"),
        ("/api%2fy", "/y"),
        ("/api/%2e/y", "/%2e/y"),
        ("/api/a%2f..%2fb", "/a%2f..%2fb"),
        ("/api/%252e%252e/x", "/%252e%252e/x"),
        ("/api/x?/../../y", "/x?/../../y"),
    ] {
        let told = format!("x-forwarded-uri: {target}\r\nx-forwarded-prefix: /api\r\n");
        asked(STRIP, target, line, &told);
    }
    for target in
        ["/api/..", "/api/../admin", "/api/..%2fadmin", "/api/%2e%2e/admin", "/api/x/%2E%2E/..//admin"]
    {
        let request: &'static str = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").leak();
        check(
            target,
            limits(STRIP),
            &[Send(request), Gets("HTTP/1.1 404 Not Found", "Not Found\n"), NothingAsked, Waits],
        );
    }
    // Compared as they came, what climbs is refused: the rest would be another one's path.
    let mut off = limits(STRIP);
    off.downstream.path_normalization = PathNormalization::Off;
    check(
        "off",
        off,
        &[
            Send("GET /api/../admin HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 400 Bad Request", "the path isn't in normal form\n"),
            With("x-pointsman-error: odd-path"),
            NothingAsked,
        ],
    );
}

#[test]
fn a_prefix_makes_room_for_another_one() {
    let routes =
        "[[route]]\nprefix = ['/old', '/older']\npool = 'web'\nrewrite = { replace_prefix = '/new/v2/' }";
    for (target, line) in [("/old/x?q", "/new/v2/x?q"), ("/older", "/new/v2"), ("/old//x", "/new/v2//x")] {
        asked(routes, target, line, &format!("x-forwarded-uri: {target}\r\n"));
    }
}

#[test]
fn captures_make_a_path_and_a_query() {
    let routes = "[[route]]\nregex = '(?s)^/loans/([0-9]+)/(?<what>.*)$'\npool = 'web'\n\
                  rewrite = { path = '/print/${what}', query = { add = 'loan=$1' } }";
    for (target, line) in [
        ("/loans/7/receipt?lang=de", "/print/receipt?loan=7&lang=de"),
        ("/loans/7/", "/print/?loan=7"),
        ("/loans/7/a%20b%3fc%23d", "/print/a%20b%3Fc%23d?loan=7"),
        ("/loans/7/%0d%0aHost:%20evil", "/print/%0D%0AHost:%20evil?loan=7"),
        ("/loans/7/%20HTTP/1.1%0d%0a", "/print/%20HTTP/1.1%0D%0A?loan=7"),
    ] {
        asked(routes, target, line, &format!("x-forwarded-uri: {target}\r\n"));
    }
    let slash = "[[route]]\nregex = '^/go(.*)$'\npool = 'web'\nrewrite = '$1'";
    for (target, line) in
        [("/go", "/"), ("/go//evil", "/evil"), ("/go@evil", "/@evil"), ("/go/x?q=1", "/x?q=1")]
    {
        asked(slash, target, line, &format!("x-forwarded-uri: {target}\r\n"));
    }
    let dots = "[[route]]\nregex = '^/f/(.*)$'\npool = 'web'\nrewrite = '/files/.$1'";
    check(
        "dot segments that a capture makes",
        limits(dots),
        &[
            Send("GET /f/./x HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /files/.x "),
            Answer(ONE),
            Gets(OK, "1"),
            Send("GET /f/.. HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 404 Not Found", "no route matches this host and path\n"),
            Send("GET /f/.%2fadmin HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /files/.admin "),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    check(
        "dot segments that a capture and the text make",
        limits("[[route]]\nregex = '^/f/(.*)$'\npool = 'web'\nrewrite = '/files/$1./x'"),
        &[
            Send("GET /f/a/. HTTP/1.1\r\nHost: h\r\n\r\n"),
            Gets("HTTP/1.1 400 Bad Request", "the path isn't in normal form\n"),
            NothingAsked,
        ],
    );
}

#[test]
fn bytes_of_the_query_stay_what_they_are() {
    asked(
        STRIP,
        "/api/x?a=\"<b>\"&c=%zz&d=\u{e9}",
        "/x?a=\"<b>\"&c=%zz&d=\u{e9}",
        "x-forwarded-uri: /api/x?a=\"<b>\"&c=%zz&d=%C3%A9\r\nx-forwarded-prefix: /api\r\n",
    );
    let query = "[[route]]\npool = 'web'\nrewrite = { query = 'drop' }";
    asked(query, "/x?a=b", "/x", "x-forwarded-uri: /x?a=b\r\n");
}

#[test]
fn what_strangers_say_of_it_is_dropped_and_what_proxies_say_is_kept() {
    let request = "GET /api/x HTTP/1.1\r\nHost: h\r\nX-Forwarded-Uri: /admin\r\nX-Forwarded-Prefix: /evil\r\nX-Original-URI: /admin\r\n\
                   X_Forwarded_Uri: /admin\r\nX-Forwarded-Proto: http\r\n\r\n";
    check(
        "a stranger",
        limits(STRIP),
        &[
            Send(request),
            AskedExactly(
                "GET /x HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\n\
                 via: 1.1 pointsman\r\nx-forwarded-uri: /api/x\r\nx-forwarded-prefix: /api\r\n\r\n",
            ),
        ],
    );
    check(
        "a proxy that has taken off a prefix, too",
        Limits { trusted: true, ..limits(STRIP) },
        &[
            Send(
                "GET /api/x HTTP/1.1\r\nHost: h\r\nX-Forwarded-Uri: /outer/api/x\r\nX-Forwarded-Prefix: /outer/\r\n\
                 X-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
            ),
            AskedExactly(
                "GET /x HTTP/1.1\r\nhost: h\r\nx-forwarded-uri: /outer/api/x\r\nx-forwarded-prefix: /outer/api\r\n\
                 x-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-forwarded-for: 192.0.2.1\r\nvia: 1.1 pointsman\r\n\r\n",
            ),
        ],
    );
}

#[test]
fn rules_see_what_the_client_has_asked_for() {
    let routes = "[[route]]\nprefix = '/api'\npool = 'web'\nrewrite = { strip_prefix = '/api' }\n\
                  request_headers = { set = { a = '{uri}', b = '{backend} {path}' }, remove = 'x-forwarded-prefix' }\n\
                  response_headers.set = { c = '{path}' }";
    check(
        "rules",
        limits(routes),
        &[
            Send("GET /api/x?y HTTP/1.1\r\nHost: h\r\n\r\n"),
            AskedExactly(
                "GET /x?y HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\n\
                 via: 1.1 pointsman\r\nx-forwarded-uri: /api/x?y\r\na: /api/x?y\r\nb: b1 /api/x\r\n\r\n",
            ),
            Answer(ONE),
            Gets(OK, "1"),
            With("c: /api/x"),
            Waits,
        ],
    );
}

#[test]
fn another_attempt_asks_for_the_same() {
    const ASKED: &str = "GET /x?y HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\n\
                         via: 1.1 pointsman\r\nx-forwarded-uri: /api/x?y\r\nx-forwarded-prefix: /api\r\n\r\n";
    const GET: &str = "GET /api/x?y HTTP/1.1\r\nHost: h\r\n\r\n";
    let two = || Limits { backends: 2, ..limits(STRIP) };
    check(
        "the first backend closes after it was asked",
        two(),
        &[
            Send(GET),
            AskedExactly(ASKED),
            BackendCloses,
            Pass(200),
            AskedExactly(ASKED),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    check(
        "one backend refuses the connection, so that nothing of the head was sent",
        two(),
        &[Refuse(1), Send(GET), Pass(200), AskedExactly(ASKED), Answer(ONE), Gets(OK, "1"), Accept(1), Waits],
    );
    check(
        "the other one refuses",
        two(),
        &[Refuse(2), Send(GET), Pass(200), AskedExactly(ASKED), Answer(ONE), Gets(OK, "1"), Accept(2), Waits],
    );
    check(
        "an idle connection has gone",
        limits(STRIP),
        &[
            Send(GET),
            AskedExactly(ASKED),
            Answer(ONE),
            Gets(OK, "1"),
            BackendCloses,
            Send(GET),
            Pass(200),
            AskedExactly(ASKED),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
}

#[test]
fn the_server_as_a_whole_has_no_path() {
    check(
        "OPTIONS *",
        limits("[[route]]\npool = 'web'\nrewrite = '/x'"),
        &[Send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), Asked("OPTIONS * HTTP/1.1\r\n")],
    );
}

/// What was reported of other proxies, with the same input.
#[test]
fn reports_about_other_proxies() {
    const PREFIX: &str = "x-forwarded-prefix: ";
    for (routes, target, line, prefix) in [
        // haproxy/haproxy 859: the query came twice.
        ("prefix = '/a'\nrewrite = { strip_prefix = '/a' }", "/a/index.php?a=b", "/index.php?a=b", "/a"),
        // haproxy/haproxy 829: a part of the query that looks like a path.
        (
            "regex = '^/nb/(.*)$'\nrewrite = '/$1'",
            "/nb/ws?endpoint=jupyter-instance-1/api/kernels/9fe9?token=x",
            "/ws?endpoint=jupyter-instance-1/api/kernels/9fe9?token=x",
            "",
        ),
        // caddyserver/caddy 4801: a space within what is taken off.
        (
            "regex = '^/api/static/([^/]+)/(.*[.]jpg)$'\nrewrite = '/images/$1/$2'",
            "/api/static/1517%20(2)/icon_da4e.jpg",
            "/images/1517%20(2)/icon_da4e.jpg",
            "",
        ),
        // caddyserver/caddy 4515: escapes were escaped again.
        (
            "regex = '^/(.*)$'\nrewrite = '/i/$1'",
            "/%C2%B7%E2%88%B5%E2%80%A6.png",
            "/i/%C2%B7%E2%88%B5%E2%80%A6.png",
            "",
        ),
        // envoyproxy/envoy 4901: two slashes where the prefix was.
        ("prefix = '/prefix'\nrewrite = { replace_prefix = '/' }", "/prefix/hello", "/hello", "/prefix"),
        ("prefix = '/prefix/'\nrewrite = { replace_prefix = '/' }", "/prefix", "/", "/prefix"),
        // serokell/hackage-search 19: an escaped slash was decoded on the way.
        (
            "prefix = '/p'\nrewrite = { strip_prefix = '/p' }",
            "/p/abc%2Fdef?q=%2F%26",
            "/abc%2Fdef?q=%2F%26",
            "/p",
        ),
        // nginx-proxy/nginx-proxy 2392: an escaped control became another character.
        ("prefix = '/app'\nrewrite = { replace_prefix = '/api' }", "/app/app%1Capp", "/api/app%1Capp", ""),
        // blacklabelops-legacy/nginx 33: a decoded space broke the request line.
        (
            "regex = '^/gis(/.*)$'\nrewrite = '/arcgis$1'",
            "/gis/NAServer/Closest%20Facility",
            "/arcgis/NAServer/Closest%20Facility",
            "",
        ),
        // fastify/fast-proxy 76: slashes of the query were merged, too.
        (
            "prefix = '/d'\nrewrite = { strip_prefix = '/d' }",
            "/d//duck?redirect_uri=//quack.example",
            "/duck?redirect_uri=//quack.example",
            "/d",
        ),
    ] {
        let routes: &'static str = format!("[[route]]\npool = 'web'\n{routes}").leak();
        let prefix = if prefix.is_empty() { String::new() } else { format!("{PREFIX}{prefix}\r\n") };
        asked(routes, target, line, &format!("x-forwarded-uri: {target}\r\n{prefix}"));
    }
    for (routes, target) in [
        // caddyserver/caddy 7812: as many bytes as the prefix, but another path.
        ("prefix = '/aaaaaa'\nrewrite = { strip_prefix = '/aaaaaa' }", "/%61%61"),
        // envoyproxy/envoy 22841: half a segment was taken off.
        ("prefix = '/foo'\nrewrite = { strip_prefix = '/foo' }", "/foobar"),
        // ZoeyVid/NPMplus 3807: two dots behind the prefix led out.
        (
            "prefix = '/files'\nrewrite = { replace_prefix = '/data/share/' }",
            "/files../npmplus/passwd.sqlite",
        ),
    ] {
        let routes: &'static str = format!("[[route]]\npool = 'web'\n{routes}").leak();
        let request: &'static str = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").leak();
        let none = Gets("HTTP/1.1 404 Not Found", "no route matches this host and path\n");
        check(target, limits(routes), &[Send(request), none, NothingAsked, Waits]);
    }
}
