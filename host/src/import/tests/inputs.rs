//! Inputs that can't be read, and what is said of them.

use std::fs;
use std::path::Path;

use super::super::*;

fn refused(dialect: Dialect, content: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in");
    fs::write(&path, content).expect("a file");
    let fault = import(dialect, &path, &Options::default()).expect_err("a refusal").to_string();
    fault.replace(&format!("{}/", folder.path().display()), "")
}

pub(super) fn read(dialect: Dialect, content: &str) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in");
    fs::write(&path, content).expect("a file");
    let imported = import(dialect, &path, &Options::default()).expect("a configuration");
    assert!(imported.fault.is_none(), "{:?}\n{:?}", imported.fault, imported.text);
    imported
}

#[test]
fn what_is_no_configuration_is_refused_with_its_line() {
    let nginx = Dialect::Nginx;
    let haproxy = Dialect::Haproxy;
    for (dialect, content, expected) in [
        (
            nginx,
            "",
            "in: there is nothing in it but space and comments; name the configuration that is in use",
        ),
        (
            haproxy,
            "# only this\n\n",
            "in: there is nothing in it but space and comments; name the configuration that is in use",
        ),
        (
            nginx,
            "http {\n  server {\n    listen 80;\n  }\n\n",
            "in:1: a brace opens here and never closes; close it where its block ends",
        ),
        (
            nginx,
            "a 1;\nb \"x;\nc 2;\n",
            "in:2: a quote (\") opens here and never closes; close it where the text ends",
        ),
        (nginx, "a 1;\n}\n", "in:2: `}` closes nothing; remove it"),
        (
            nginx,
            "a 1;\nlisten 80\n",
            "in:2: the directive `listen` isn't ended; end it with `;`, or with a block in braces",
        ),
        (nginx, "a 1;\n{ b; }\n", "in:2: `{` without a directive before it; remove it"),
        (
            nginx,
            "server {\n  listen {{ port }};\n}\n",
            "in:2: is a template, with `{{ … }}` in it; fill it in first, and import what comes of it",
        ),
        (
            haproxy,
            "frontend a\n  bind :<% port %>\n",
            "in:2: is a template, with `<% … %>` in it; fill it in first, and import what comes of it",
        ),
        (nginx, "\u{1}\u{2}", "in:1: is no text; name the configuration itself"),
        (haproxy, "global\n  maxconn 5\n  log \0", "in:3: is no text; name the configuration itself"),
        (
            nginx,
            "global\n  maxconn 5\nfrontend a\n",
            "in:1: `global` begins a section of HAProxy; use `pointsman import haproxy`",
        ),
        (
            haproxy,
            "# nginx\nhttp {\n  server {\n",
            "in:2: `http {` is nginx's language; use `pointsman import nginx`",
        ),
        (
            haproxy,
            "global\n  log 'a\n",
            "in:2: a quote (') opens here and never closes; close it on its line",
        ),
        (
            haproxy,
            "bind :80\n",
            "in:1: `bind` stands in no section; put a section such as `global` or `frontend` above it",
        ),
        (
            haproxy,
            "global\n.if defined(X)\n",
            "in:2: an `.if` begins here and never ends; end it with `.endif`",
        ),
        (haproxy, "global\n.endif\n", "in:2: stands in no `.if`; remove it"),
    ] {
        assert_eq!(refused(dialect, content), expected, "{content:?}");
    }
    let latin = b"server {\n  server_name caf\xe9;\n}\n";
    assert_eq!(
        refused(nginx, latin),
        "in:2: is not UTF-8 text; convert it, for example with `iconv -t UTF-8`"
    );
}

/// What is quoted of it is short, and it takes no time that matters.
#[test]
fn one_line_of_ten_mebibytes_is_refused() {
    let long = "x".repeat(10 << 20);
    for dialect in [Dialect::Nginx, Dialect::Haproxy] {
        let fault = refused(dialect, &long);
        assert!(fault.starts_with("in:1: ") && fault.len() < 300, "{}", &fault[..300]);
    }
    let words = "a ".repeat(1 << 18);
    assert!(refused(Dialect::Nginx, &words).contains("isn't ended"));
    // A directive of that length is carried over or listed like any other.
    let imported = read(Dialect::Nginx, &format!("server_tokens off; x{};", &long[..1 << 19]));
    assert!(imported.findings.iter().all(|finding| finding.to_string().len() < 1_200));
    assert_eq!(imported.counts.listed, 2);
}

#[test]
fn includes_are_read_once_and_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    };
    let run = |name: &str| {
        let result = import(Dialect::Nginx, &folder.path().join(name), &Options::default());
        result.map_err(|fault| fault.to_string().replace(&format!("{}/", folder.path().display()), ""))
    };
    write("itself", "http {\n  include itself;\n}\n");
    assert_eq!(
        run("itself").expect_err("a loop"),
        "itself:2: `include itself` includes this file itself; remove it"
    );
    write("one", "include two;\n");
    write("two", "a 1;\ninclude one;\n");
    assert_eq!(run("one").expect_err("a loop"), "two:2: `include one` includes this file itself; remove it");
    write("folder", "include conf.d;\n");
    write(
        "conf.d/a.conf",
        "upstream a { server 192.0.2.1:80; }\nserver { listen 8080; location / { proxy_pass http://a; } }\n",
    );
    let fault = run("folder").expect_err("a folder");
    assert_eq!(fault, "conf.d: is a folder; name a file in it; an `include` takes `folder/*` (included by line 1 of folder)".replace("of folder", &format!("of {}/folder", folder.path().display())).replace(&format!("{}/", folder.path().display()), ""));
    write("all", "include conf.d/*.conf;\ninclude none/*.conf;\ninclude gone.conf;\n");
    let imported = run("all").expect("a configuration");
    let text = imported.text.expect("a result");
    assert!(text.contains("192.0.2.1:80") && text.contains("conf.d/a.conf:2"), "{text}");
    let [gone] = &imported.findings.iter().filter(|finding| finding.rank == Rank::A).collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", imported.findings)
    };
    assert_eq!((gone.line, gone.what.as_str()), (3, "include gone.conf"));
    assert!(import(Dialect::Nginx, Path::new("/nonexistent/x"), &Options::default()).is_err());
    assert!(
        import(Dialect::Nginx, folder.path(), &Options::default())
            .expect_err("a folder")
            .to_string()
            .contains("is a folder")
    );
}

/// Blocks in blocks end before the stack does.
#[test]
fn deep_nesting_is_refused() {
    let fault = refused(Dialect::Nginx, "a {".repeat(100_000));
    assert_eq!(fault, "in:1: more than 50 blocks in one another; nginx has no use for so many");
}

/// The proxies' own examples of what opens access by being lost.
#[test]
fn what_protects_and_is_lost_has_rank_a() {
    let ranks = |dialect, content: &str, line: usize| -> Vec<Rank> {
        let imported = read(dialect, content);
        imported.findings.iter().filter(|finding| finding.line == line).map(|finding| finding.rank).collect()
    };
    let server = |inner: &str| {
        format!(
            "server {{ listen 8080; server_name a.example;\nlocation / {{ proxy_pass http://192.0.2.1;\n{inner}\n}} }}"
        )
    };
    for inner in [
        "deny unix:;",
        "auth_basic x;",
        "auth_request /x;",
        "limit_req zone=a;",
        "modsecurity on;",
        "an_unknown_directive on;",
        "limit_except GET { deny all; }",
        "proxy_pass_request_headers off;",
        "access_by_lua_block { if x then return ngx.exit(403) end }",
    ] {
        assert!(ranks(Dialect::Nginx, &server(inner), 3).contains(&Rank::A), "{inner}");
    }
    let frontend = |inner: &str| {
        format!(
            "defaults\n mode http\nfrontend a\n bind :8080\n {inner}\n default_backend b\nbackend b\n server s 192.0.2.1:80\n"
        )
    };
    for inner in [
        "http-request deny if { src,ipmask(24) 192.0.2.0 }",
        "http-request auth unless { http_auth(users) }",
        "http-request tarpit if { sc_http_req_rate(0) gt 5 }",
        "tcp-request connection reject if { src -f blocked.lst }",
        "http-request lua.guard",
        "filter spoe engine modsecurity",
        "an-unknown-keyword on",
    ] {
        assert!(ranks(Dialect::Haproxy, &frontend(inner), 5).contains(&Rank::A), "{inner}");
    }
}

/// A location that isn't carried over doesn't reach backends by the route of a shorter path.
#[test]
fn what_is_kept_isnt_served_by_a_wider_route() {
    let imported = read(
        Dialect::Nginx,
        "server { listen 8080 default_server;\nlocation / { proxy_pass http://192.0.2.1; }\nlocation /admin/ { deny all; proxy_pass http://192.0.2.1; }\nlocation /open/ { proxy_pass http://192.0.2.2; } }",
    );
    let text = imported.text.expect("a result");
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} isn't in {text}"));
    place("starts_with = \"/open/\"\npool = \"192.0.2.2\"");
    assert!(place("starts_with = \"/admin/\"\nrespond = 403") < place("\npool = \"192.0.2.1\""), "{text}");
    assert_eq!(text.matches("[[route]]").count(), 3, "{text}");
}

#[test]
fn a_field_that_no_rule_may_change_is_listed_and_spoils_nothing() {
    let imported = read(
        Dialect::Nginx,
        "events {}\nhttp { server { listen 127.0.0.1:8081; location / {\n proxy_pass http://127.0.0.1:9000;\n\
         add_header Content-Encoding gzip always;\n proxy_hide_header Content-Encoding;\n\
         proxy_set_header Content-Encoding x;\n proxy_set_header Connection close; } } }\n",
    );
    let text = imported.text.expect("a configuration");
    assert!(text.contains("request_headers = { set = { content-encoding = \"x\" } }"), "{text}");
    assert!(!text.contains("response_headers"), "{text}");
}
