//! Directives at random: no panic, no directive without an entry, no result that isn't a configuration.

use std::fs;

use proptest::prelude::*;

use super::super::*;

fn run(dialect: Dialect, content: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in");
    fs::write(&path, content).expect("a file");
    let Ok(imported) = import(dialect, &path, &Options { workers: 2, ..Options::default() }) else { return };
    let Counts { directives, carried, listed } = imported.counts;
    assert_eq!(directives, carried + listed, "{content}");
    if let Some(fault) = imported.fault {
        panic!("{content}\nbecomes\n{}\n{fault}", imported.text.unwrap_or_default());
    }
}

fn nginx_value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(
            &[
                "0",
                "1",
                "5s",
                "0s",
                "30d",
                "1m",
                "99999999999",
                "on",
                "off",
                "10m",
                "http://a",
                "http://b/x",
                "https://a",
                "grpc://a",
                "http://192.0.2.1:81",
                "http://$x",
                "$host",
                "$http_upgrade",
                "all",
                "192.0.2.0/24",
                "192.0.2.1",
                "2001:db8::/32",
                "/",
                "/a/",
                "= /b",
                "~ ^/c",
                "~* \\.d$",
                "^~ /e",
                "@f",
                "a.example",
                "*.b.example",
                ".c.example",
                "~^d",
                "_",
                "80",
                "443 ssl",
                "[::]:80",
                "127.0.0.1:81 default_server",
                "8080 proxy_protocol",
                "unix:/x",
                "http_502 error",
                "X-A b",
                "Host $host",
                "Connection ''",
                "Strict-Transport-Security max-age=1",
                "weight=0",
                "weight=5000",
                "backup",
                "down",
                "x.crt",
                "x.key",
                "max_fails=0",
                "max_fails=99999999999",
                "fail_timeout=99d",
                "max_conns=7",
                "slow_start=9h",
                "consistent",
                "\"a b\"",
                "'; {'",
                "301 https://$host$request_uri",
                "444",
                "403",
                "X-Forwarded-For",
                "proxy_protocol",
                "TLSv1.3",
                "optional",
                "7 20m",
                "nonsense \u{7f}é",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z0-9:/.$_-]{0,12}",
    ]
}

fn nginx_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "listen",
            "server_name",
            "proxy_pass",
            "grpc_pass",
            "proxy_read_timeout",
            "proxy_connect_timeout",
            "keepalive_timeout",
            "keepalive_requests",
            "client_max_body_size",
            "client_header_timeout",
            "large_client_header_buffers",
            "return",
            "rewrite",
            "allow",
            "deny",
            "auth_basic",
            "internal",
            "add_header",
            "proxy_set_header",
            "set",
            "ssl_certificate",
            "ssl_certificate_key",
            "ssl_protocols",
            "ssl_verify_client",
            "ssl_client_certificate",
            "ssl_session_ticket_key",
            "ssl_session_tickets",
            "set_real_ip_from",
            "real_ip_header",
            "proxy_next_upstream",
            "proxy_next_upstream_tries",
            "proxy_ssl_name",
            "proxy_ssl_certificate",
            "access_log",
            "resolver",
            "http2_max_concurrent_streams",
            "try_files",
            "limit_req",
            "gzip",
            "worker_processes",
            "nonsense",
            "root",
            "server",
            "keepalive",
            "ip_hash",
            "hash",
            "random",
            "least_conn",
            "zone",
        ][..],
    )
}

fn nginx_lines(depth: u32) -> BoxedStrategy<String> {
    let simple = (nginx_name(), prop::collection::vec(nginx_value(), 0..4))
        .prop_map(|(name, values)| format!("{name} {};\n", values.join(" ")));
    if depth == 0 {
        return simple.boxed();
    }
    let name = prop::sample::select(
        &[
            "http",
            "server",
            "location",
            "upstream a",
            "upstream b",
            "map $a $x",
            "geo $g",
            "if ($a)",
            "events",
            "stream",
            "types",
        ][..],
    );
    let block = (name, nginx_value(), prop::collection::vec(nginx_lines(depth - 1), 0..7)).prop_map(
        |(name, value, lines)| {
            let value = if name == "location" { value } else { String::new() };
            format!("{name} {value} {{\n{}}}\n", lines.concat())
        },
    );
    prop_oneof![2 => simple, 3 => block].boxed()
}

fn haproxy_line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        prop::sample::select(
            &[
                "0",
                "1",
                "5s",
                "30d",
                "99999999999",
                ":80",
                "*:81",
                ":::82",
                "127.0.0.1:83,127.0.0.1:84",
                "abns@x",
                "unix@/x",
                "ssl crt x.pem",
                "ssl crt y/",
                "alpn h2,http/1.1",
                "alpn h2",
                "verify none",
                "verify required ca-file c.pem",
                "accept-proxy",
                "192.0.2.1:80",
                "192.0.2.2:81",
                "a.example:80",
                "_h._tcp.example",
                "2001:db8::1:80",
                "check",
                "weight 0",
                "weight 300",
                "backup",
                "disabled",
                "maxconn 5",
                "maxqueue 0",
                "inter 1",
                "inter 9d",
                "rise 0",
                "fall 999",
                "port 81",
                "addr 192.0.2.9",
                "slowstart 9h",
                "observe layer7",
                "send-proxy-v2",
                "ssl",
                "proto h2",
                "resolvers r",
                "init-addr none",
                "cookie c",
                "if a",
                "if !a b",
                "if { path_beg /x } || a",
                "unless { hdr(host) -i a.example }",
                "if { src 192.0.2.0/24 }",
                "{ path_reg ^/ }",
                "a path_beg /a /b",
                "b hdr(host) a.example .x",
                "c method GET",
                "client",
                "server",
                "connect",
                "queue",
                "check 0",
                "tunnel 2d",
                "http-request 1s",
                "redispatch",
                "httpchk GET /x",
                "httpchk PUT x",
                "forwardfor",
                "expect status 200",
                "expect rstatus ^2..$",
                "expect string x",
                "send meth GET uri /y hdr Host b.example",
                "b1",
                "b2",
                "deny",
                "set-header X y",
                "redirect scheme https",
                "%[req.hdr(host),map(none)]",
                "\"q\"",
                "\"$HOME\"",
                "'",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z0-9:/.-]{0,10}",
    ];
    let name = prop::sample::select(
        &[
            "global",
            "defaults",
            "defaults d from e",
            "frontend f1",
            "frontend f2 from d",
            "backend b1",
            "backend b2",
            "listen l",
            "resolvers r",
            "peers p",
            "mode http",
            "mode http",
            "mode tcp",
            "bind",
            "server s1",
            "server s2",
            "server-template t 3",
            "default-server",
            "timeout",
            "balance",
            "option",
            "acl",
            "use_backend",
            "use_backend b1 if",
            "default_backend",
            "http-request",
            "http-response",
            "http-check",
            "maxconn",
            "retries",
            "retry-on",
            "nbthread",
            "hard-stop-after",
            "nameserver n",
            "hold valid",
            "stick-table",
            "nonsense",
            ".if",
            ".else",
            ".endif",
            "ssl-default-bind-options",
            "http-reuse",
        ][..],
    );
    (name, prop::collection::vec(value, 0..5)).prop_map(|(name, values)| {
        let is_section = ["global", "defaults", "frontend", "backend", "listen", "resolvers", "peers"]
            .iter()
            .any(|kind| name.starts_with(kind));
        if is_section { format!("{name}\n") } else { format!("  {name} {}\n", values.join(" ")) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nginx(lines in prop::collection::vec(nginx_lines(3), 1..5)) {
        run(Dialect::Nginx, &lines.concat());
    }

    #[test]
    fn haproxy(lines in prop::collection::vec(haproxy_line(), 1..60)) {
        run(Dialect::Haproxy, &format!("defaults\n  mode http\n{}", lines.concat()));
    }

    #[test]
    fn any_text(text in "[a-z {};\"'#\\\\\n$%/.]{0,200}") {
        run(Dialect::Nginx, &text);
        run(Dialect::Haproxy, &text);
    }
}
