//! Rules for header fields, as backends and clients see what comes of them.

use std::path::Path;
use std::time::Duration;

use super::script::Step::{
    Answer, Asked, AskedExactly, Gets, InFlight, Pass, Refuse, Send, Waits, With, Without,
};
use super::script::{OK, ONE, check};
use super::world::{Limits, World, address, run};
use crate::config::{Config, HeaderPlan, RequestIdUse};

const GET: &str = "GET /a?b=1 HTTP/1.1\r\nHost: h:81\r\n\r\n";

/// The rules of these keys of a route and of the pool `web`, and the usual limits.
pub(super) fn rules(route: &str, pool: &str) -> Limits {
    let text = format!(
        "[[listener]]\naddress = '127.0.0.1:0'\n[[route]]\nname = 'r'\npool = 'web'\n{route}\n\
         [pool.web]\nbackends = ['127.0.0.1:9']\n{pool}"
    );
    let config =
        Config::parse(&text, Path::new("f.toml")).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    let (route, pool) = (&config.routes[0], &config.pools[0]);
    let headers =
        HeaderPlan::new((route.name.as_deref(), &route.headers), (&pool.name, &pool.headers), false);
    Limits { headers, ..Limits::default() }
}

/// What a backend gets: the request line, `Host`, then these lines.
#[track_caller]
fn asked(name: &str, limits: Limits, request: &'static str, expected: &'static str) {
    let limits = Limits { backends: 1, ..limits };
    check(name, limits, &[Send(request), AskedExactly(expected), Answer(ONE), Pass(1), InFlight(0)]);
}

#[test]
fn a_field_is_set_added_and_removed() {
    asked(
        "each whatever its capitals and however many lines it has",
        rules(
            "request_headers = { set = { X-One = 'a {client} b' }, add = { x-two = ['1', '2'] }, remove = ['X-Three'] }",
            "",
        ),
        "GET / HTTP/1.1\r\nHost: h\r\nX-ONE: 0\r\nx-one: 00\r\nX-Two: 0\r\nx-three: 1\r\nX-THREE: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nx-one: a 192.0.2.1 b\r\nx-two: 0\r\nx-two: 1\r\nx-two: 2\r\nvia: 1.1 pointsman\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\n\r\n",
    );
    asked(
        "the route's, then the pool's",
        rules(
            "request_headers = { set = { a = '1', b = '1' }, add = { c = '1' }, remove = ['d'] }",
            "request_headers = { set = { c = '2', d = '2' }, add = { a = '2' }, remove = ['b'] }",
        ),
        "GET / HTTP/1.1\r\nHost: h\r\nd: 0\r\nc: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nvia: 1.1 pointsman\r\nc: 2\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\na: 1\r\na: 2\r\nd: 2\r\n\r\n",
    );
    asked(
        "removed, and then added anew",
        rules("request_headers = { add = { a = ['{pool}', '{backend}'] }, remove = ['a'] }", ""),
        "GET / HTTP/1.1\r\nHost: h\r\na: 0\r\na: 00\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nvia: 1.1 pointsman\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\na: web\r\na: b1\r\n\r\n",
    );
    asked(
        "forwarding fields are fields like others",
        rules(
            "request_headers = { set = { x-real-ip = '{client}', x-forwarded-port = '{port}' }, remove = ['X-Forwarded-Host'] }",
            "",
        ),
        "GET / HTTP/1.1\r\nHost: h\r\nX-Real-IP: 1.2.3.4\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nvia: 1.1 pointsman\r\nx-real-ip: 192.0.2.1\r\nx-forwarded-port: 8080\r\n\r\n",
    );
}

#[test]
fn a_value_says_what_is_known_of_the_request() {
    let all = "request_headers.set = { v = '{{{client}|{peer}|{host}|{hostname}|{scheme}|{port}|{method}|{path}|{query}|{uri}|\
               {request_id}|{route}|{pool}|{backend}}}' }";
    asked(
        "all",
        rules(all, ""),
        GET,
        "GET /a?b=1 HTTP/1.1\r\nhost: h:81\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\nv: {192.0.2.1|192.0.2.1|h:81|h|http|8080|GET|/a|b=1|/a?b=1||r|web|b1}\r\n\r\n",
    );
    asked(
        "what is empty removes the field, and is added to none",
        rules("request_headers = { set = { a = '{query}', b = ' {query} ', c = '{query}{request_id}' }, add = { d = '{query}' } }".replace("' {query} '", "'{query} {query}'").as_str(), ""),
        "GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nvia: 1.1 pointsman\r\nx-forwarded-host: h\r\nx-forwarded-proto: http\r\nd: 1\r\nx-forwarded-for: 192.0.2.1\r\n\r\n",
    );
    asked(
        "no space is left at an end",
        rules("request_headers.set = { a = '{query} a {query}', b = 'x {query}' }", ""),
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nvia: 1.1 pointsman\r\na: a\r\nb: x\r\n\r\n",
    );
}

#[test]
fn a_backend_sees_the_host_that_it_should() {
    let get = "GET / HTTP/1.1\r\nHost: h:81\r\n\r\n";
    asked(
        "the client's",
        rules("", "host_header = 'client'"),
        get,
        "GET / HTTP/1.1\r\nhost: h:81\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\n\r\n",
    );
    asked(
        "its own",
        rules("", "host_header = 'backend'"),
        get,
        "GET / HTTP/1.1\r\nhost: 10.0.0.1\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\n\r\n",
    );
    asked(
        "another",
        rules("", "host_header = 'x.test:82'"),
        get,
        "GET / HTTP/1.1\r\nhost: x.test:82\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\n\r\n",
    );
    asked(
        "the route knows better",
        rules("host_header = 'client'", "host_header = 'x.test:82'"),
        get,
        "GET / HTTP/1.1\r\nhost: h:81\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\n\r\n",
    );
    asked(
        "where there is none",
        rules("", "host_header = 'x.test'"),
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nvia: 1.0 pointsman\r\nhost: x.test\r\n\r\n",
    );
    asked(
        "rules see the client's",
        rules(
            "request_headers.set.a = '{host}'",
            "host_header = 'x.test'\nrequest_headers.set.b = '{host} {backend}'",
        ),
        get,
        "GET / HTTP/1.1\r\nhost: x.test\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nvia: 1.1 pointsman\r\na: h:81\r\nb: h:81 b1\r\n\r\n",
    );
}

#[test]
fn nothing_that_a_client_writes_ends_a_field() {
    asked(
        "it stays encoded",
        rules("request_headers.set = { a = '{path}', b = '{uri}', c = '{query}' }", ""),
        "GET /a%0d%0aX-Evil:%201?q=%0d%0aX:%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%0d%0aX-Evil:%201?q=%0d%0aX:%00 HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nvia: 1.1 pointsman\r\na: /a%0d%0aX-Evil:%201\r\nb: /a%0d%0aX-Evil:%201?q=%0d%0aX:%00\r\nc: q=%0d%0aX:%00\r\n\r\n",
    );
}

#[test]
fn another_backend_gets_its_own_name() {
    let limits = || {
        rules(
            "request_headers = { set = { b = '{backend}', e = '1' }, add = { a = '{backend}' } }",
            "request_headers.add = { p = '{backend}' }\nhost_header = 'backend'",
        )
    };
    let request = "GET / HTTP/1.1\r\nHost: h\r\na: 0\r\nb: 0\r\np: 0\r\np: 00\r\n\r\n";
    let heads = [1, 2].map(|number| {
        format!(
            "GET / HTTP/1.1\r\nhost: 10.0.0.{number}\r\na: 0\r\na: b{number}\r\nb: b{number}\r\np: 0\r\np: 00\r\np: b{number}\r\n\
             x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nvia: 1.1 pointsman\r\ne: 1\r\n\r\n"
        )
    });
    run(async {
        let world = World::new(limits());
        let client = world.connect();
        // Where nothing was sent to the other one, whichever is first.
        world.net.refuse(address(1), true);
        let mut backends = Vec::new();
        for _ in 0..4 {
            client.send(request.as_bytes());
            world.pass(Duration::from_millis(100)).await;
            while let Some((_, stream)) = world.net.accept() {
                backends.push(stream);
            }
            let backend = backends.last().expect("a backend is asked");
            assert_eq!(backend.receive().escape_ascii().to_string(), heads[1].escape_default().to_string());
            backend.send(ONE.as_bytes());
        }
        world.net.refuse(address(1), false);
    });
    run(async {
        let world = World::new(limits());
        let client = world.connect();
        client.send(request.as_bytes());
        world.settle().await;
        let (_, first) = world.net.accept().expect("a backend is asked");
        let mut got = vec![first.receive()];
        // It has been sent, and is made anew.
        drop(first);
        world.pass(Duration::from_millis(500)).await;
        let (_, second) = world.net.accept().expect("another backend is asked");
        got.push(second.receive());
        got.sort();
        assert_eq!(got, heads.map(String::into_bytes));
        second.send(ONE.as_bytes());
        world.settle().await;
        assert!(client.receive().starts_with(OK.as_bytes()));
    });
}

#[test]
fn responses_are_changed_whoever_makes_them() {
    let route = "response_headers = { set = { x-served-by = '{backend}', server = 'p' }, add = { set-cookie = ['a=1', 'b=2'] }, \
                 remove = ['x-powered-by', 'via'] }";
    let answer = "HTTP/1.1 200 OK\r\nServer: s\r\nX-Powered-By: y\r\nX-Powered-By: z\r\nSet-Cookie: c=3\r\nContent-Length: 1\r\n\r\n1";
    check(
        "a backend's",
        Limits { backends: 1, ..rules(route, "response_headers.add.x = '{method} {uri} {host} {client}'") },
        &[
            Send(GET),
            Asked("GET "),
            Answer(answer),
            Gets(OK, "1"),
            With("server: p"),
            With(
                "set-cookie: c=3\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-served-by: b1\r\nx: get /a?b=1 h:81 192.0.2.1",
            ),
            Without("x-powered-by"),
            Without("via"),
            Waits,
        ],
    );
    check(
        "the proxy's own",
        Limits { backends: 1, ..rules(route, "response_headers.add.x = '{method} {uri} {host} {client}'") },
        &[
            Refuse(1),
            Send(GET),
            Pass(1_000),
            Gets("HTTP/1.1 503 Service Unavailable", "cannot connect to the backend\n"),
            With("server: p"),
            With("set-cookie: a=1\r\nset-cookie: b=2\r\nx: get /a?b=1 h:81 192.0.2.1"),
            With("x-pointsman-error: connect-failed"),
            Waits,
        ],
    );
    check(
        "not the hints before it, and no trailers",
        rules("response_headers = { remove = ['link', 'x-sum'] }", ""),
        &[
            Send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n"),
            Asked("GET "),
            Answer(
                "HTTP/1.1 200 OK\r\nLink: <a>\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
            ),
            Gets(OK, "1\r\na\r\n0\r\nx-sum: 1\r\n\r\n"),
            Without("link"),
            With("trailer: x-sum"),
            Waits,
        ],
    );
}

#[test]
fn what_the_proxy_adds_itself_is_changed_as_well() {
    let mut limits = rules(
        "response_headers = { remove = ['x-request-id'] }\nrequest_headers.set = { x = '{request_id}' }",
        "",
    );
    limits.downstream.request_id = RequestIdUse::Replace;
    check(
        "the id",
        limits,
        &[
            Send(GET),
            Asked("GET "),
            Answer(ONE),
            Gets(OK, "1"),
            Without("x-request-id"),
            With("via: 1.1 pointsman"),
        ],
    );
}
