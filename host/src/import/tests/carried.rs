//! Pages for errors, limits of bodies and changed paths: what is carried over, and what is listed.

use std::fs;

use super::super::*;
use super::refusals::nginx;

/// A section of servers and one for clients, in a folder with these files.
fn haproxy(defaults: &str, of_entry: &str, of_servers: &str, files: &[(&str, &str)]) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let path = folder.path().join("in");
    let text = format!(
        "defaults\n mode http\n{defaults}\nfrontend f\n bind :8080\n{of_entry}\n default_backend b\n\
         backend b\n server s 192.0.2.1:80\n{of_servers}\n"
    );
    fs::write(&path, text).expect("a file");
    let options = Options { root: Some(folder.path().to_owned()), ..Options::default() };
    let imported = import(Dialect::Haproxy, &path, &options).expect("a configuration");
    assert!(imported.fault.is_none(), "{:?}\n{:?}", imported.fault, imported.text);
    imported
}

#[track_caller]
fn has(imported: &Imported, parts: &[&str]) {
    let text = imported.text.as_ref().expect("a configuration");
    for part in parts {
        assert!(text.contains(part), "`{part}` isn't in\n{text}\n{:#?}", imported.findings);
    }
}

#[track_caller]
fn lists(imported: &Imported, parts: &[&str]) {
    let list = imported.findings.iter().map(|finding| format!("{finding}\n")).collect::<String>();
    for part in parts {
        assert!(list.contains(part), "`{part}` isn't in\n{list}\n{:?}", imported.text);
    }
}

#[test]
fn pages_of_nginx_that_are_files_are_carried_over() {
    let imported = nginx(
        "error_page 500 502 503 504 /50x.html;\nerror_page 404 /missing;\n\
         location = /50x.html { root /usr/share/nginx/html; internal; }\n\
         location = /missing { alias /srv/missing; default_type text/html; }",
    );
    has(
        &imported,
        &[
            "[[error_page]]\nstatus = [500, 502, 503, 504]\nfile = \"/usr/share/nginx/html/50x.html\"\n",
            "[[error_page]]\nstatus = 404\ntype = \"text/html\"\nfile = \"/srv/missing\"\n",
        ],
    );
    lists(&imported, &["clients that ask for it by itself get a 404"]);
    assert!(!imported.text.as_ref().expect("a text").contains("intercept"), "{:?}", imported.text);
    assert_eq!(imported.count(Rank::A), 0, "{:?}", imported.findings);
    let imported = nginx(
        "error_page 502 /e.html; error_page 502 503 /f.html; proxy_intercept_errors on; root /srv;\n\
         location ^~ /e.html { } location ^~ /f.html { }",
    );
    has(
        &imported,
        &[
            "status = 502\nfile = \"/srv/e.html\"\n",
            "status = 503\nfile = \"/srv/f.html\"\n",
            "intercept = [502, 503]\n",
        ],
    );
}

#[test]
fn pages_of_pools_differ() {
    let imported = nginx(
        "root /srv;\nlocation ^~ /a/ { proxy_pass http://app; error_page 502 /a.html; }\n\
         location ^~ /b/ { proxy_pass http://app; error_page 502 =503 @b; proxy_intercept_errors on; }\n\
         location = /a.html { internal; }\nlocation @b { default_type text/html; return 503 \"<b>busy</b>\"; }",
    );
    has(
        &imported,
        &[
            "[[pool.app.error_page]]\nstatus = 502\nfile = \"/srv/a.html\"\n",
            "[[pool.app_2.error_page]]\nstatus = 502\ntype = \"text/html\"\ntext = \"<b>busy</b>\"\n",
            "intercept = [502]\n",
        ],
    );
    lists(&imported, &["the status stays, where nginx answers 503"]);
}

#[test]
fn what_is_no_page_is_listed() {
    for (inside, why) in [
        (
            "error_page 502 @other; location @other { proxy_pass http://app; }",
            "leads clients or the request elsewhere",
        ),
        ("error_page 502 https://status.example.com/;", "leads clients or the request elsewhere"),
        ("error_page 502 /$host.html; root /srv;", "its page depends on the request"),
        ("error_page 502 /e.html; root /srv;", "its page isn't a file for certain"),
        (
            "error_page 502 /x/e.html; root /srv; location /x/ { } location ~ html$ { proxy_pass http://app; }",
            "its page isn't a file for certain",
        ),
        ("error_page 302 497 /e.html; root /srv; location = /e.html { }", "is no status of an error"),
        ("proxy_intercept_errors on;", "has no effect without a page that is carried over"),
    ] {
        let imported = nginx(inside);
        lists(&imported, &[why]);
        assert!(
            !imported.text.as_ref().expect("a text").contains("error_page"),
            "{inside}: {:?}",
            imported.text
        );
    }
}

#[test]
fn bodies_have_the_limits_of_their_locations() {
    let imported = nginx(
        "client_max_body_size 10m;\nlocation /upload/ { client_max_body_size 2g; proxy_pass http://app; }\n\
         location /any/ { client_max_body_size 0; proxy_pass http://app; }",
    );
    has(
        &imported,
        &[
            "max_body = \"0B\"\n",
            "starts_with = \"/upload/\"\npool = \"app\"\nhost_header = \"app\"\nmax_body = \"2GiB\"\n",
            "pool = \"app\"\nhost_header = \"app\"\nmax_body = \"10MiB\"\n",
            "starts_with = \"/any/\"\npool = \"app\"\nhost_header = \"app\"\n\n",
        ],
    );
    assert_eq!(imported.count(Rank::B), 0, "{:?}", imported.findings);
}

#[test]
fn pages_of_haproxy_are_carried_over() {
    const FILE: &str = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\nCache-Control: no-cache\r\n\r\n<h1>back soon</h1>\r\n";
    let files = [("503.http", FILE)];
    let imported = haproxy(
        " errorfile 503 503.http\n http-error status 404 content-type application/json string '{}'",
        "",
        "",
        &files,
    );
    has(
        &imported,
        &[
            "[[error_page]]\nstatus = 404\ntype = \"application/json\"\ntext = \"{}\"\n",
            "[[error_page]]\nstatus = 503\ntype = \"text/html\"\ntext = \"\"\"\n<h1>back soon</h1>\n\"\"\"\n",
        ],
    );
    assert!(!imported.text.as_ref().expect("a text").contains("pool.b.error_page"), "{:?}", imported.text);
    lists(&imported, &["`Cache-Control: no-cache`: pages have no fields of their own"]);
    let imported = haproxy(
        "",
        " errorfiles mine 503",
        " http-error status 502 file /srv/502.html\nhttp-errors mine\n errorfile 503 503.http\n errorfile 504 /dev/null",
        &files,
    );
    has(
        &imported,
        &[
            "[[error_page]]\nstatus = 503\n",
            "[[pool.b.error_page]]\nstatus = 502\nfile = \"/srv/502.html\"\n",
        ],
    );
}

#[test]
fn pages_of_haproxy_that_no_page_can_be_are_listed() {
    for (line, why) in [
        (" errorfile 503 none.http", "its file can't be read"),
        (" errorfile 503 /dev/null", "is no page, so that clients get the proxy's own text"),
        (" errorfile 200 /dev/null", "is no status of an error"),
        (" errorfiles none", "there is no `http-errors` of this name"),
        (" http-error status 503 lf-string %[src]", "`lf-string` isn't carried over"),
        (" http-error status 503", "has no content"),
        (" errorloc 503 /sorry", "the texts of the proxy's own errors are its own"),
    ] {
        let imported = haproxy(line, "", "", &[]);
        lists(&imported, &[why]);
        assert!(
            !imported.text.as_ref().expect("a text").contains("error_page"),
            "{line}: {:?}",
            imported.text
        );
    }
}

#[test]
fn paths_that_servers_are_asked_for_are_carried_over() {
    for (line, expected) in [
        (
            " http-request set-path /v2%[path]",
            "regex = \"(?s)^(/.*)$\"\npool = \"b\"\nrewrite = { path = \"/v2$1\" }\n",
        ),
        (
            " http-request replace-path ^/api/(.*)$ /\\1",
            "regex = \"^/api/(.*)$\"\npool = \"b\"\nrewrite = { path = \"/$1\" }\n",
        ),
        (" http-request set-path /one", "[[route]]\npool = \"b\"\nrewrite = { path = \"/one\" }\n"),
    ] {
        let imported = haproxy("", "", line, &[]);
        has(&imported, &[expected]);
        lists(&imported, &["is decoded and encoded again"]);
    }
    // What doesn't match goes on as it came.
    let imported = haproxy("", "", " http-request replace-path ^/api/(.*)$ /\\1", &[]);
    assert_eq!(
        imported.text.as_ref().expect("a text").matches("[[route]]").count(),
        2,
        "{:?}",
        imported.text
    );
    for line in [
        " http-request set-path /v2%[path] if { path_beg /a }",
        " http-request set-path /%[src]",
        " http-request set-path /a\n http-request set-query x=1",
        " http-request replace-path ^/(.*)$ \\1",
        " http-request replace-path ^/(.*)$ /\\1x",
        " http-request replace-path (?<!x)y /y",
    ] {
        let imported = haproxy("", "", line, &[]);
        lists(&imported, &["paths and queries go on as they came"]);
        assert!(!imported.text.as_ref().expect("a text").contains("rewrite"), "{line}: {:?}", imported.text);
    }
}
