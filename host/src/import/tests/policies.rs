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
