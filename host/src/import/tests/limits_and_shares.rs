//! What becomes of listeners, limits, shares and mirrors.

use super::super::*;
use super::inputs;

/// What comes of a text, and its list.
fn read(dialect: Dialect, content: &str) -> (String, Vec<String>) {
    let imported = inputs::read(dialect, content);
    let findings =
        imported.findings.iter().map(|found| format!("{}: {:?}: {}", found.line, found.rank, found.why));
    (imported.text.expect("a text"), findings.collect())
}

/// The lines of the routes, without comments.
fn routes(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let sections = lines.split(|line| line.is_empty());
    sections
        .filter(|section| section.first() == Some(&"[[route]]"))
        .map(|section| section[1..].join("; "))
        .collect()
}

#[test]
fn servers_at_other_addresses_have_routes_of_their_own() {
    let (text, findings) = read(
        Dialect::Nginx,
        "http { upstream a { server 127.0.0.1:9; } upstream b { server 127.0.0.1:10; } upstream c { server 127.0.0.1:11; }\n\
         server { listen 80; server_name x.test; location / { proxy_pass http://a; } }\n\
         server { listen 80; listen 81; server_name y.test; location / { proxy_pass http://b; } }\n\
         server { listen 127.0.0.1:82; location /in { proxy_pass http://c; } } }",
    );
    assert_eq!(
        routes(&text),
        [
            "listener = \"0.0.0.0:80\"; host = \"y.test\"; pool = \"b\"; host_header = \"b\"",
            "listener = \"0.0.0.0:80\"; pool = \"a\"; host_header = \"a\"",
            "listener = \"0.0.0.0:81\"; pool = \"b\"; host_header = \"b\"",
            "listener = \"127.0.0.1:82\"; starts_with = \"/in\"; pool = \"c\"; host_header = \"c\"",
        ],
        "{text}"
    );
    assert!(
        findings.iter().all(|found| !found.contains(": A:") && !found.contains("listener")),
        "{findings:#?}"
    );
}

#[test]
fn frontends_have_routes_of_their_own() {
    let (text, findings) = read(
        Dialect::Haproxy,
        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
         frontend outside\n  bind 127.0.0.1:81\n  default_backend x\n\
         frontend inside\n  bind 127.0.0.1:82\n  bind 127.0.0.1:83\n  use_backend x if { path_beg /x }\n  default_backend y\n\
         listen own\n  bind 127.0.0.1:84\n  server s 127.0.0.1:11\n\
         backend x\n  server s 127.0.0.1:9\nbackend y\n  server s 127.0.0.1:10\n",
    );
    assert_eq!(
        routes(&text),
        [
            "listener = \"127.0.0.1:81\"; pool = \"x\"",
            "listener = [\"127.0.0.1:82\", \"127.0.0.1:83\"]; starts_with = \"/x\"; pool = \"x\"",
            "listener = [\"127.0.0.1:82\", \"127.0.0.1:83\"]; pool = \"y\"",
            "listener = \"127.0.0.1:84\"; pool = \"own\"",
        ],
        "{text}"
    );
    assert!(findings.iter().all(|found| !found.contains("listener")), "{findings:#?}");
}

#[test]
fn limits_keep_rate_burst_and_key() {
    let (text, findings) = read(
        Dialect::Nginx,
        "limit_req_zone $binary_remote_addr zone=ip:10m rate=20r/s;\n\
         limit_req_zone $http_x_api_key zone=key:10m rate=300r/m;\n\
         limit_conn_zone $cookie_s zone=conns:1m;\n\
         limit_req_zone $uri zone=odd:1m rate=1r/s;\n\
         upstream a { server 127.0.0.1:9; }\n\
         server { listen 127.0.0.1:80; limit_conn conns 4;\n\
         location / { proxy_pass http://a; limit_req zone=ip burst=40 nodelay; limit_req zone=key burst=5; limit_req_status 429; }\n\
         location /b { proxy_pass http://a; limit_req zone=ip; }\n\
         location /c { proxy_pass http://a; limit_req zone=odd; } }",
    );
    for section in [
        "[limit.ip_2]\nkey = \"client\"\nclient_prefix = { ipv4 = 32, ipv6 = 128 }\nrate = \"20/s\"\nburst = 41\nstatus = 429\n",
        "[limit.key]\nkey = \"header:x-api-key\"\nmissing = \"pass\"\nrate = \"300/m\"\nburst = 6\nstatus = 429\n",
        "[limit.conns]\nkey = \"cookie:s\"\nmissing = \"pass\"\nconcurrency = 4\nstatus = 503\n",
        "[limit.ip]\nkey = \"client\"\nclient_prefix = { ipv4 = 32, ipv6 = 128 }\nrate = \"20/s\"\nburst = 1\nstatus = 503\n",
        "limits = [\"ip_2\", \"key\", \"conns\"]\n",
        "limits = [\"ip\", \"conns\"]\n",
        "limits = [\"conns\"]\n",
    ] {
        assert!(text.contains(section), "{section}\n{text}");
    }
    let of = |line: &str| findings.iter().filter(|found| found.starts_with(line)).collect::<Vec<_>>();
    assert!(of("4: A:").len() == 1 && of("9: A:").len() == 1, "{findings:#?}");
    assert!(of("7: B:").iter().any(|found| found.contains("none is delayed")), "{findings:#?}");
    assert!(of("7: B:").iter().any(|found| found.contains("counts apart")), "{findings:#?}");
}

#[test]
fn shares_and_mirrors_become_those_of_routes() {
    let (text, findings) = read(
        Dialect::Nginx,
        "split_clients \"${remote_addr}AB\" $lane {\n  2.5% next;\n  *    web;\n}\n\
         split_clients \"$remote_addr$http_user_agent\" $odd { 50% next; * web; }\n\
         upstream next { server 127.0.0.1:8; }\nupstream web { server 127.0.0.1:9; }\n\
         server { listen 127.0.0.1:80;\n\
         location /a { deny 192.0.2.0/24; proxy_pass http://$lane; }\n\
         location /b { proxy_pass http://$odd; }\n\
         location /c { proxy_pass http://web; mirror /copy; }\n\
         location = /copy { internal; proxy_pass http://next$request_uri; }\n\
         location /d { proxy_pass http://web; mirror /changed; }\n\
         location = /changed { internal; proxy_pass http://next/changed; } }",
    );
    for line in
        ["split = { pools = { next = 250, web = 9750 }, by = \"client\" }", "mirror = { pool = \"next\" }"]
    {
        assert_eq!(text.matches(line).count(), 1, "{line}\n{text}");
    }
    let routes = routes(&text);
    let at = |part: &str| routes.iter().position(|route| route.contains(part));
    assert!(at("client = \"192.0.2.0/24\"; respond = 403") < at("split = "), "{routes:#?}");
    assert!(
        findings.iter().any(|found| found.starts_with("13: B: requests are not copied")),
        "{findings:#?}"
    );
}

#[test]
fn tables_that_count_become_limits() {
    let (text, findings) = read(
        Dialect::Haproxy,
        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
         frontend f\n  bind 127.0.0.1:81\n\
         \x20 stick-table type ipv6 size 100k expire 2m store http_req_rate(10s),conn_cur peers fleet\n\
         \x20 acl often sc_http_req_rate(1,keys) ge 31\n\
         \x20 http-request return status 200 string up if { path /up }\n\
         \x20 http-request track-sc0 src\n\
         \x20 http-request track-sc1 hdr(X-Key) table keys\n\
         \x20 http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 }\n\
         \x20 http-request deny deny_status 429 if often\n\
         \x20 http-request reject if { sc0_conn_cur gt 50 }\n\
         \x20 http-request deny if { sc_http_req_rate(0) gt 10 } { path_beg /login }\n\
         \x20 http-request deny if { sc_http_err_rate(0) gt 10 }\n\
         \x20 default_backend x\n\
         backend keys\n  stick-table type string len 64 size 1m expire 1m store http_req_rate(60s)\n\
         backend x\n  server s 127.0.0.1:9\n",
    );
    for section in [
        "[limit.f_rate]\nkey = \"client\"\nclient_prefix = { ipv4 = 32, ipv6 = 128 }\nrate = \"10/s\"\nburst = 100\nstatus = 429\n",
        "[limit.keys_rate]\nkey = \"header:x-key\"\nmissing = \"pass\"\nrate = \"30/m\"\nburst = 30\nstatus = 429\n",
        "[limit.f_at_a_time]\nkey = \"client\"\nclient_prefix = { ipv4 = 32, ipv6 = 128 }\nconcurrency = 50\nstatus = 403\n",
    ] {
        assert!(text.contains(section), "{section}\n{text}");
    }
    let limits = "; limits = [\"f_rate\", \"keys_rate\", \"f_at_a_time\"]";
    let routes = routes(&text);
    assert!(routes[0].contains("/up") && !routes[0].contains("limits"), "{routes:#?}");
    assert_eq!(routes[1], format!("pool = \"x\"{limits}"));
    let of = |line: &str| findings.iter().filter(|found| found.starts_with(line)).count();
    assert_eq!([13, 14, 15].map(|line| of(&format!("{line}: A:"))), [0; 3], "{findings:#?}");
    assert_eq!([16, 17].map(|line| of(&format!("{line}: A:"))), [1; 2], "{findings:#?}");
    assert_eq!((of("8: B:"), of("13: B:"), of("15: B:")), (1, 1, 2), "{findings:#?}");
}

#[test]
fn tables_that_count_otherwise_are_listed() {
    for rules in [
        // Asked before it is counted, counted under a condition, by another table, or what is counted isn't stored.
        "http-request deny if { sc_http_req_rate(0) gt 10 }\n  http-request track-sc0 src",
        "http-request track-sc0 src if { path /a }\n  http-request deny if { sc_http_req_rate(0) gt 10 }",
        "http-request track-sc0 src\n  http-request deny if { sc_http_req_rate(0,other) gt 10 }",
        "http-request track-sc0 src\n  http-request deny if { sc_conn_cur(0) gt 10 }",
        // No whole number in any unit; nobody; everybody; a key that no limit knows; someone who isn't asked.
        "http-request track-sc0 src\n  http-request deny if { sc_http_req_rate(0) gt 7 }",
        "http-request track-sc0 src\n  http-request deny if { sc_http_req_rate(0) gt 0 }",
        "http-request track-sc0 src\n  http-request deny if { sc_http_req_rate(0) ge 0 }",
        "http-request track-sc0 src\n  http-request deny if { sc_http_req_rate(0) lt 10 }",
        "http-request track-sc0 base32+src\n  http-request deny if { sc_http_req_rate(0) gt 10 }",
        "http-request track-sc0 src\n  http-request allow if { src 127.0.0.1 }\n  http-request deny if { sc_http_req_rate(0) gt 10 }",
    ] {
        let (text, findings) = read(
            Dialect::Haproxy,
            &format!(
                "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
                 frontend f\n  bind 127.0.0.1:81\n  stick-table type ip size 1k store http_req_rate(11s)\n  {rules}\n\
                 \x20 default_backend x\nbackend x\n  server s 127.0.0.1:9\n"
            ),
        );
        assert!(!text.contains("[limit"), "{rules}\n{text}");
        let denied = 9 + rules.lines().position(|line| line.contains("deny")).expect("a refusal");
        assert!(
            findings.iter().any(|found| found.starts_with(&format!("{denied}: A:"))),
            "{rules}\n{findings:#?}"
        );
    }
}
