//! `redirect` of a route.

use super::*;

fn redirect(text: &str) -> Redirect {
    let config = good(&format!("[[route]]\n{text}\n{LISTENER}{POOL}"));
    match &config.routes[0].target {
        RouteTarget::Redirect(redirect) => (**redirect).clone(),
        _ => panic!("no redirect"),
    }
}

#[test]
fn a_url_is_short_for_a_table() {
    for (url, table) in [
        ("'https://b.test'", "{ scheme = 'https', host = 'b.test' }"),
        ("'http://B.test:81'", "{ scheme = 'http', host = 'b.test', port = 81, status = 302 }"),
        ("'https://[::1]:8443/'", "{ scheme = 'https', host = '[::1]', port = 8443, path = '/' }"),
        ("'https://[::1]'", "{ scheme = 'https', host = '[::1]' }"),
        ("'https://b.test/x?y=z'", "{ scheme = 'https', host = 'b.test', path = '/x', query = 'y=z' }"),
        ("'https://b.test?'", "{ scheme = 'https', host = 'b.test', query = 'drop' }"),
        ("'/new/$1'", "{ path = '/new/$1' }"),
        ("'$1?'", "{ path = '$1', query = 'drop' }"),
    ] {
        let route = |redirect: &str| format!("regex = '^/a(/.*)$'\nredirect = {redirect}");
        assert_eq!(redirect(&route(url)), redirect(&route(table)), "{url}");
    }
    assert_eq!(redirect("redirect = '/x'\nexact = '/y'").status.as_u16(), 302);
}

#[test]
fn faults_of_a_redirect() {
    check_all(
        &format!("[[route]]\n{{}}\n{LISTENER}{POOL}"),
        &[
            (
                "exact = '/y'\nredirect = '/x'\npool = 'a'\npolicy = 'ip-hash'",
                &[
                    "4: route[0].pool: stands beside `redirect`; no pool has to do with these requests: leave it out",
                    "5: route[0].policy: stands beside `redirect`; no pool has to do with these requests: leave it out",
                ],
            ),
            (
                "redirect = {}",
                &[
                    r#"2: route[0].redirect: leads back to the same URL; write a URL such as `redirect = "https://www.example.com"`, or a table with what is different, such as `redirect = { scheme = "https" }`"#,
                ],
            ),
            (
                "redirect = 301",
                &[
                    r#"2: route[0].redirect: is an integer, not a table; write a URL such as `redirect = "https://www.example.com"`, or a table with what is different, such as `redirect = { scheme = "https" }`"#,
                ],
            ),
            (
                "redirect = { status = 304, path = '/x' }",
                &[
                    "2: route[0].redirect.status: 304 leads nowhere; write 302 or 307 for now, 301 or 308 for good, where 307 and 308 keep method and body; or 303 for a page to get",
                ],
            ),
            (
                "redirect = { scheme = 'ftp' }",
                &["2: route[0].redirect.scheme: `ftp` is none of the choices; write one of `http`, `https`"],
            ),
            (
                "redirect = 'https://$host$request_uri'",
                &[
                    r#"2: route[0].redirect: `$host$request_uri` has a capture: where a request leads to is no choice of the client's; write one such as `"www.example.com"`, or leave it out: what isn't given stays the request's"#,
                ],
            ),
            (
                "redirect = { host = 'b.test:81' }",
                &[
                    r#"2: route[0].redirect.host: `b.test:81` is no host name; write one such as `"www.example.com"`, or leave it out: what isn't given stays the request's"#,
                ],
            ),
            (
                "redirect = 'http://b.test:0'",
                &["2: route[0].redirect: `b.test:0` has no port from 1 to 65535; mend it, or leave it out"],
            ),
            (
                "redirect = '//b.test'",
                &[
                    "2: route[0].redirect: `//b.test` is the name of a host to browsers; write a path with one slash at its beginning; a host has a key of its own in `redirect`",
                ],
            ),
            (
                "redirect = '/\\\\b.test'",
                &[
                    "2: route[0].redirect: `/\\\\b.test` is the name of a host to browsers; write a path with one slash at its beginning; a host has a key of its own in `redirect`",
                ],
            ),
            ("redirect = 'x'", &["2: route[0].redirect: `x` doesn't start with a slash; write `\"/x\"`"]),
            (
                "redirect = '/a/../b'",
                &["2: route[0].redirect: `/a/../b` has dot segments; write the path that they lead to"],
            ),
            (
                "redirect = { path = '/a?b' }",
                &[
                    "2: route[0].redirect.path: `/a?b` has a query or a fragment; write the path alone: `query` is a key of its own",
                ],
            ),
            (
                "redirect = { query = '?b' }",
                &["2: route[0].redirect.query: begins with the question mark; write `\"b\"`"],
            ),
            (
                "redirect = \"/a\\r\\nSet-Cookie: x\"",
                &[
                    "2: route[0].redirect: `/a\\r\\nSet-Cookie: x` is not how a path goes over the wire; write what isn't plain ASCII percent-encoded, such as `%20` for a space",
                ],
            ),
            (
                "regex = '^/(.*)$'\nredirect = '/new/$2'",
                &[
                    "3: route[0].redirect: `/new/$2`: at character 6: `^/(.*)$` has no capture `2`; `$1` and `${name}` are captures of the route's `regex`, `$$` is a dollar sign",
                ],
            ),
            (
                "redirect = '/new/$1'",
                &[
                    "2: route[0].redirect: `/new/$1`: at character 6: there is no regular expression with a capture `1`; `$1` and `${name}` are captures of the route's `regex`, `$$` is a dollar sign",
                ],
            ),
            (
                "redirect = { replace_prefix = '/new' }",
                &[
                    "2: route[0].redirect.replace_prefix: the route has no `prefix`; write `prefix = \"/…\"` in the route",
                ],
            ),
            (
                "prefix = '/a'\nredirect = { replace_prefix = '/new', path = '/x' }",
                &["3: route[0].redirect.replace_prefix: stands beside `path`; write one of them"],
            ),
            (
                "redirect = { code = 301 }",
                &[
                    "2: route[0].redirect.code: unknown key `code`; the keys here are `status`, `scheme`, `host`, `port`, `path`, `replace_prefix`, `query`",
                    r#"2: route[0].redirect: leads back to the same URL; write a URL such as `redirect = "https://www.example.com"`, or a table with what is different, such as `redirect = { scheme = "https" }`"#,
                ],
            ),
        ],
    );
}

#[test]
fn a_redirect_to_itself_is_refused() {
    let text = |routes: &str| format!("{routes}\n{LISTENER}{POOL}");
    for routes in [
        "[[route]]\nredirect = { scheme = 'http' }",
        "[[route]]\nscheme = 'http'\nredirect = { scheme = 'http' }",
        "[[route]]\nhost = 'b.test'\nredirect = { host = 'b.test' }",
        "[[route]]\nhost = ['a.test', 'b.test']\nredirect = { host = 'b.test' }",
        "[[route]]\nhost = '*.test'\nredirect = 'http://b.test/'",
        "[[route]]\nexact = '/x'\nredirect = '/x'",
        "[[route]]\nexact = '/x'\nredirect = '/%78'",
        "[[route]]\nprefix = '/x'\nredirect = '/x/y'",
        "[[route]]\nprefix = '/x'\nredirect = { replace_prefix = '/x/v2' }",
        "[[route]]\nprefix = '/x'\nredirect = { replace_prefix = '/' , status = 308 }\n[[route]]\nprefix = '/'\nredirect = '/a'",
        "[[route]]\nregex = 'x'\nredirect = { query = 'drop' }",
        "[[route]]\nredirect = '/'",
    ] {
        let errors = parse(&text(routes)).expect_err(routes).to_string();
        assert!(errors.contains("the redirect leads back to this route, for ever; "), "{routes}: {errors}");
    }
    for routes in [
        "[[route]]\nredirect = { scheme = 'https' }",
        "[[route]]\nscheme = 'http'\nredirect = { scheme = 'https' }",
        "[[route]]\nredirect = 'http://b.test'",
        "[[route]]\nhost = 'b.test'\npool = 'a'\n[[route]]\nhost = '*.test'\nredirect = { host = 'b.test' }",
        "[[route]]\nhost = 'b.test'\nredirect = { host = 'b.test', port = 81 }",
        "[[route]]\nprefix = '/x/y'\npool = 'a'\n[[route]]\nprefix = '/x'\nredirect = '/x/y'",
        "[[route]]\nregex = '^/x/(.*)'\nredirect = '/x/y/$1'",
        "[[route]]\nprefix = '/x'\nmethod = 'POST'\nredirect = { path = '/x/y', status = 303 }",
        "[[route]]\nquery = { a = true }\nredirect = { query = 'drop' }",
        "[[route]]\nprefix = '/x'\nnot = { exact = '/x/y' }\nredirect = '/x/y'",
    ] {
        good(&text(routes));
    }
    let tls = "[listener.tls]\ncertificates = [{ cert = 'c', key = 'k' }]\n";
    let errors = parse(&format!("[[route]]\nredirect = {{ scheme = 'https' }}\n{LISTENER}{tls}{POOL}"))
        .expect_err("a loop");
    assert_eq!(
        errors.to_string(),
        "f.toml:1: route[0]: the redirect leads back to this route, for ever; write `scheme = \"http\"` in the route, so that \
         it leaves out those who speak HTTPS already"
    );
    good(&format!(
        "[[route]]\nscheme = 'https'\npool = 'a'\n[[route]]\nredirect = {{ scheme = 'https' }}\n{LISTENER}{tls}{POOL}"
    ));
}
