//! Which policies others' algorithms become.

use super::super::*;
use super::inputs;

/// The policy of the pool, as it is written.
fn policy(dialect: Dialect, content: &str) -> String {
    let imported = inputs::read(dialect, content);
    let text = imported.text.expect("a text");
    let found = text.lines().find_map(|line| line.strip_prefix("policy = "));
    found.unwrap_or("none").to_owned()
}

#[test]
fn algorithms_of_nginx() {
    for (directive, expected) in [
        ("least_conn;", "\"least-conn\""),
        ("ip_hash;", "\"ip-hash\""),
        ("random;", "{ name = \"random\", config = { choices = 1 } }"),
        ("random two;", "\"random\""),
        ("least_time header;", "\"least-time\""),
        ("hash $remote_addr consistent;", "\"ip-hash\""),
        ("hash $http_X_Room;", "{ name = \"ring-hash\", config = { key = \"header:x-room\", balance = 0 } }"),
        (
            "hash ${cookie_id} consistent;",
            "{ name = \"ring-hash\", config = { key = \"cookie:id\", balance = 0 } }",
        ),
        ("hash $arg_doc;", "{ name = \"ring-hash\", config = { key = \"query:doc\", balance = 0 } }"),
        ("hash $request_uri;", "{ name = \"ring-hash\", config = { key = \"path\", balance = 0 } }"),
        ("hash $uri$arg_a;", "\"least-conn\""),
        ("hash $geo;", "\"least-conn\""),
    ] {
        let content = format!(
            "http {{ upstream a {{ {directive} server 127.0.0.1:9; server 127.0.0.1:10; }}\n\
             server {{ listen 80; location / {{ proxy_pass http://a; }} }} }}"
        );
        assert_eq!(policy(Dialect::Nginx, &content), expected, "{directive}");
    }
}

#[test]
fn algorithms_of_haproxy() {
    for (lines, server, expected) in [
        ("balance leastconn", "", "\"least-conn\""),
        ("balance random", "", "\"random\""),
        ("balance random(3)", "", "{ name = \"random\", config = { choices = 3 } }"),
        ("balance random(9)", "", "{ name = \"random\", config = { choices = 5 } }"),
        ("balance first", "maxconn 30", "{ name = \"first\", config = { requests = 30 } }"),
        ("balance first", "", "none"),
        ("balance first", "maxconn 30 weight 5", "none"),
        ("balance uri", "", "{ name = \"ring-hash\", config = { key = \"path\", balance = 0 } }"),
        ("balance uri depth 2", "", "none"),
        (
            "balance hdr(Host)\n  hash-balance-factor 150",
            "",
            "{ name = \"ring-hash\", config = { key = \"header:host\", balance = 150 } }",
        ),
        ("balance hdr", "", "none"),
        (
            "balance url_param doc",
            "",
            "{ name = \"ring-hash\", config = { key = \"query:doc\", balance = 0 } }",
        ),
        ("balance rdp-cookie(a)", "", "none"),
    ] {
        let content = format!(
            "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
             listen a\n  bind 127.0.0.1:81\n  {lines}\n  server s 127.0.0.1:9 {server}\n  server t 127.0.0.1:10 {server}\n"
        );
        assert_eq!(policy(Dialect::Haproxy, &content), expected, "{lines} {server}");
    }
}

#[test]
fn sessions_of_nginx() {
    let sticky = |line: &str| {
        let content = format!(
            "events {{}}\nhttp {{ upstream a {{ server 127.0.0.1:9; server 127.0.0.1:10 drain; {line}; }}\n\
             server {{ listen 80; location / {{ proxy_pass http://a; }} }} }}\n"
        );
        let imported = inputs::read(Dialect::Nginx, &content);
        let text = imported.text.expect("a text");
        assert!(text.contains("draining = true"), "{text}");
        let section = text.split_once("[pool.a.sticky]\n").map(|(_, rest)| rest);
        let keys = section.map(|rest| rest.split("\n\n").next().unwrap_or_default().trim_end().to_owned());
        keys.unwrap_or_else(|| "none".to_owned())
    };
    for (line, expected) in [
        ("sticky cookie srv_id", "cookie = \"srv_id\""),
        (
            "sticky cookie srv_id expires=1h domain=.example.com httponly samesite=strict secure path=/",
            "cookie = \"srv_id\"\nmax_age = \"1h\"\nsame_site = \"strict\"",
        ),
        ("sticky cookie s expires=max", "cookie = \"s\"\nmax_age = \"9600h\""),
        ("sticky cookie s samesite=$how path=/shop", "cookie = \"s\""),
        ("sticky route $route_cookie $route_uri", "none"),
        ("sticky learn create=$a lookup=$b zone=z:1m", "none"),
        ("sticky", "none"),
    ] {
        assert_eq!(sticky(line), expected, "{line}");
    }
}

#[test]
fn sessions_of_haproxy() {
    let sticky = |lines: &str| {
        let content = format!(
            "frontend f\n  mode http\n  bind :80\n  default_backend a\nbackend a\n  mode http\n  {lines}\n  \
             server s1 127.0.0.1:9 cookie s1\n  server s2 127.0.0.1:10 cookie s2\n"
        );
        let imported = inputs::read(Dialect::Haproxy, &content);
        let text = imported.text.expect("a text");
        let section = text.split_once("[pool.a.sticky]\n").map(|(_, rest)| rest);
        let keys = section.map(|rest| rest.split("\n\n").next().unwrap_or_default().trim_end().to_owned());
        keys.unwrap_or_else(|| "none".to_owned())
    };
    for (lines, expected) in [
        ("cookie SRV insert", "cookie = \"SRV\""),
        ("cookie SRV insert indirect nocache", "cookie = \"SRV\"\nstrip = true"),
        ("cookie SRV insert maxidle 30m maxlife 8h", "cookie = \"SRV\"\nmax_age = \"30m\""),
        ("cookie SRV insert maxlife 90", "cookie = \"SRV\"\nmax_age = \"90s\""),
        ("cookie SRV insert maxidle 0", "cookie = \"SRV\"\nmax_age = \"1s\""),
        ("cookie SRV rewrite", "none"),
        ("cookie SRV prefix nocache", "none"),
        ("cookie SRV", "none"),
        ("cookie", "none"),
    ] {
        assert_eq!(sticky(lines), expected, "{lines}");
    }
}
