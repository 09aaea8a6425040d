//! `respond` of a route.

use http::StatusCode;

use super::*;

fn route(text: &str) -> RouteConfig {
    good(&format!("[[route]]\n{text}\n{LISTENER}{POOL}")).routes.remove(0)
}

#[track_caller]
fn respond(text: &str) -> Respond {
    match route(text).target {
        RouteTarget::Respond(respond) => (*respond).clone(),
        target => panic!("{text}: {target:?}"),
    }
}

#[test]
fn what_isnt_given_follows_from_the_rest() {
    let text = |text: &str| RespondContent::Text(text.to_owned());
    let reason = |text: &str| RespondContent::Reason(text.to_owned());
    let plain = Some("text/plain; charset=utf-8");
    for (how, status, media_type, content) in [
        ("404", 404, plain, reason("Not Found\n")),
        ("{ status = 404 }", 404, plain, reason("Not Found\n")),
        ("599", 599, plain, reason("599\n")),
        ("200", 200, None, RespondContent::None),
        ("204", 204, None, RespondContent::None),
        ("304", 304, None, RespondContent::None),
        ("{}", 200, None, RespondContent::None),
        ("{ text = 'pong' }", 200, plain, text("pong")),
        ("{ status = 403, text = '' }", 403, None, text("")),
        ("{ text = '{}', type = 'application/json' }", 200, Some("application/json"), text("{}")),
        (
            "{ status = 429, type = 'text/x; a=\"b\"' }",
            429,
            Some("text/x; a=\"b\""),
            text("Too Many Requests\n"),
        ),
        (
            "{ status = 503, file = 'down.HTML' }",
            503,
            Some("text/html; charset=utf-8"),
            RespondContent::File("down.HTML".into(), 2),
        ),
        (
            "{ file = '/a/b', type = 'text/markdown' }",
            200,
            Some("text/markdown"),
            RespondContent::File("/a/b".into(), 2),
        ),
    ] {
        let expected = Respond {
            status: StatusCode::from_u16(status).expect("a status"),
            media_type: media_type.map(str::to_owned),
            content,
            headers: Vec::new(),
        };
        assert_eq!(respond(&format!("respond = {how}")), expected, "{how}");
    }
}

#[test]
fn fields_of_the_answer_come_before_the_routes_rules() {
    let route = route(
        "response_headers = { set = { b = '2' } }\nrespond = { status = 401, headers = { WWW-Authenticate = 'Basic', b = ['1', '3'] } }",
    );
    let names: Vec<_> = route.headers.response.iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["www-authenticate", "b", "b", "b"]);
}

#[test]
fn faults_of_an_answer() {
    const TYPE: &str = "write one such as `\"text/html; charset=utf-8\"`";
    const HINT: &str = "write a status such as `respond = 404`, or a table such as `respond = { status = 200, text = \"OK\" }`";
    check_all(
        &format!("[[route]]\n{{}}\n{LISTENER}{POOL}"),
        &[
            (
                "respond = 404\npool = 'a'\nredirect = '/x'",
                &[
                    "3: route[0].pool: stands beside `respond`; no pool has to do with these requests: leave it out",
                    "4: route[0].redirect: stands beside `respond`; no pool has to do with these requests: leave it out",
                ],
            ),
            (
                "respond = 101",
                &["2: route[0].respond: `101` is out of range; write a whole number from 200 to 599"],
            ),
            (
                "respond = { status = 600 }",
                &["2: route[0].respond.status: `600` is out of range; write a whole number from 200 to 599"],
            ),
            (
                "respond = 301",
                &[
                    "2: route[0].respond: 301 leads elsewhere, and no place is given; write `redirect = { status = 301, … }` in its place",
                ],
            ),
            (
                "respond = '404'",
                &[&format!("2: route[0].respond: is a text, not a status or a table; {HINT}")],
            ),
            (
                "respond = { status = 204, text = 'x' }",
                &["2: route[0].respond.text: a response with status 204 has no content; leave it out"],
            ),
            (
                "respond = { status = 304, file = 'x.html', type = 'a/b' }",
                &[
                    "2: route[0].respond.file: a response with status 304 has no content; leave it out",
                    "2: route[0].respond.type: a response with status 304 has no content; leave it out",
                ],
            ),
            (
                "respond = { text = 'x', file = 'y.txt' }",
                &["2: route[0].respond.file: stands beside `text`; write one of them"],
            ),
            (
                "respond = { file = 'page' }",
                &[
                    "2: route[0].respond.file: the name of `page` doesn't show its media type; write `type = \"…\"` beside it",
                ],
            ),
            (
                "respond = { type = 'html' }",
                &[&format!("2: route[0].respond.type: `html` is no media type; {TYPE}")],
            ),
            (
                "respond = { type = \"text/html\\r\\nX: y\" }",
                &[&format!("2: route[0].respond.type: `text/html\\r\\nX: y` is no media type; {TYPE}")],
            ),
            (
                "respond = { headers = { Content-Length = '5' } }",
                &[
                    "2: route[0].respond.headers.Content-Length: `content-length` can't be changed by a rule: it concerns a single connection or the framing, which the proxy does itself; remove the rule",
                ],
            ),
            (
                "respond = { code = 404 }",
                &[
                    "2: route[0].respond.code: unknown key `code`; the keys here are `status`, `type`, `text`, `file`, `headers`",
                ],
            ),
        ],
    );
}

#[test]
fn what_is_for_backends_has_no_effect() {
    let config = good(&format!(
        "[[route]]\nrespond = 404\nhost_header = 'backend'\nrequest_headers.remove = 'a'\n{LISTENER}{POOL}"
    ));
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "f.toml:4: route[0].request_headers: has no effect: no backend gets these requests; leave it out",
            "f.toml:3: route[0].host_header: has no effect: no backend gets these requests; leave it out",
        ]
    );
}
