//! What keeps requests from backends is carried over, or listed with rank A.

use super::super::*;
use super::inputs::read;

/// A location, or something beside it, in a server that passes all on.
pub(super) fn nginx(inside: &str) -> Imported {
    read(
        Dialect::Nginx,
        &format!(
            "http {{\nupstream app {{ server 192.0.2.1:80; }}\nserver {{ listen 8080;\n{inside}\nlocation / {{ proxy_pass http://app; }}\n}}\n}}\n"
        ),
    )
}

/// A rule of a frontend.
fn haproxy(rule: &str) -> Imported {
    read(
        Dialect::Haproxy,
        &format!(
            "defaults\n  mode http\nfrontend f\n  bind :8080\n  {rule}\n  default_backend b\nbackend b\n  server s 192.0.2.1:80\n"
        ),
    )
}

/// The keys of the routes, without the backend's.
fn routes(imported: &Imported) -> String {
    let text = imported.text.as_ref().expect("a result");
    text.split("[[route]]").skip(1).filter(|route| !route.contains("\npool = ")).collect()
}

#[test]
fn a_location_that_answers_never_passes_on() {
    for (location, expected) in [
        ("location /admin { return 403; proxy_pass http://app; }", "respond = 403"),
        ("location /maint { return 503 \"maintenance\"; proxy_pass http://app; }", "status = 503"),
        (
            "location /a { proxy_pass http://app; location /a/secret { return 404; proxy_pass http://app; } }",
            "respond = 404",
        ),
        ("location /x { proxy_pass http://app; return 444; }", "respond = 404"),
    ] {
        let imported = nginx(location);
        assert!(routes(&imported).contains(expected), "{location}: {:?}", imported.text);
        let never = imported
            .findings
            .iter()
            .any(|finding| finding.to_string().contains("is never asked, as line 4 answers before"));
        assert!(never, "{location}: {:?}", imported.findings);
    }
}

#[test]
fn conditions_that_answer_are_asked_or_listed() {
    for (condition, expected) in [
        ("if ($http_x = \"1\") { return 503; }", "respond = 503"),
        ("if ($request_method = POST) { return 405; }", "respond = 405"),
    ] {
        let imported = nginx(&format!("location /a {{ {condition} proxy_pass http://app; }}"));
        assert!(routes(&imported).contains(expected), "{condition}: {:?}", imported.text);
    }
    for condition in [
        "if ($cookie_s = \"\") { return 302 https://sso.example.com/; }",
        "if ($http_authorization = \"\") { rewrite ^ /login redirect; }",
        "if ($arg_token = \"\") { return https://sso.example.com/; }",
    ] {
        let imported = nginx(&format!("location /a {{ {condition} proxy_pass http://app; }}"));
        assert!(imported.count(Rank::A) > 0, "{condition}: {:?}", imported.findings);
    }
    let canonical = nginx("if ($host = www.example.com) { return 301 https://example.com$request_uri; }");
    assert_eq!(canonical.count(Rank::A), 0, "{:?}", canonical.findings);
}

#[test]
fn refusals_of_haproxy_are_carried_over_or_listed() {
    for (rule, expected) in [
        ("tcp-request content reject if { src 127.0.0.1 }", "respond = 403"),
        ("tcp-request content reject if { path_beg /admin }", "respond = 403"),
        ("tcp-request content silent-drop if { hdr(x) -m found }", "respond = 403"),
        ("http-request return status 403 if { path_beg /admin }", "respond = 403"),
    ] {
        let imported = haproxy(rule);
        assert!(routes(&imported).contains(expected), "{rule}: {:?} {:?}", imported.text, imported.findings);
    }
    for rule in [
        "tcp-request content reject if { req.len lt 5 }",
        "tcp-request connection reject if { src 127.0.0.1 }",
        "http-request redirect location https://sso/ if !{ req.cook(s) -m found }",
        "http-request return status 403 lf-string %[src] if { path_beg /admin }",
        "http-request allow if { src 192.0.2.0/24 }",
        "http-request newly-invented if { src 192.0.2.0/24 }",
        "option newly-invented",
    ] {
        let imported = haproxy(rule);
        assert!(imported.count(Rank::A) > 0, "{rule}: {:?}", imported.findings);
    }
}
