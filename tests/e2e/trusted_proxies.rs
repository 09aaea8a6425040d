//! Who may say whom a request is for: nobody but a trusted proxy, in whatever spelling.

use harness::{Backend, Proxy, Request, Setup};

/// Every way to say it that some framework believes.
const PLAIN: [&str; 17] = [
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-Scheme: https",
    "X-Forwarded-Server: evil",
    "X-Forwarded-User: root",
    "Forwarded: for=6.6.6.6;proto=https",
    "X-Real-IP: 6.6.6.6",
    "Client-IP: 6.6.6.6",
    "X-Client-IP: 6.6.6.6",
    "True-Client-IP: 6.6.6.6",
    "CF-Connecting-IP: 6.6.6.6",
    "X-Original-URL: /admin",
    "Front-End-Https: on",
];

/// The same to a backend that turns fields into variables.
const DISGUISED: [&str; 10] = [
    "X_Forwarded_For: 6.6.6.6",
    "X_Forwarded_Proto: https",
    "X-Forwarded_Host: evil",
    "X_Forwarded-Port: 666",
    "x_forwarded_for: 7.7.7.7",
    "X_Real_IP: 6.6.6.6",
    "CLIENT_IP: 6.6.6.6",
    "X.Forwarded.For: 6.6.6.6",
    "X-Forwarded~For: 6.6.6.6",
    "True_Client_IP: 6.6.6.6",
];

/// What a backend gets of a request with these lines.
fn forwarded(proxy: &Proxy, backend: &Backend, lines: &[&str]) -> Request {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    assert_eq!(proxy.client().get_with("/", &lines).text(), "backend");
    backend.requests().pop().expect("a request")
}

fn trusting(networks: &str, backend: &Backend) -> Proxy {
    let listener = format!("trusted_proxies = [{networks}]");
    Setup { listener: &listener, ..Setup::default() }.start(&[backend])
}

fn has(request: &Request, line: &str) -> bool {
    let (name, value) = line.split_once(": ").expect("a field");
    request.values(name).contains(&value)
}

#[test]
fn nothing_of_it_comes_from_a_stranger() {
    let backend = Backend::named("backend");
    let proxy = trusting("", &backend);
    let ours = [
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-kept",
        "x-request-id",
        "x_kept",
    ];
    let all = [&PLAIN[..], &DISGUISED, &["X-Kept: 1", "X_Kept: 2"]].concat();
    for lines in [&all[..], &[&["Connection: X-Real-IP, X-Forwarded-Port"], &all[..]].concat()] {
        let request = forwarded(&proxy, &backend, lines);
        let mut names: Vec<String> =
            request.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        assert_eq!(names, ours);
        assert_eq!(request.values("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(request.values("x-forwarded-proto"), ["http"]);
        assert_eq!(request.values("x-forwarded-host"), ["test"]);
    }
    // Each alone, so that none depends on another one being found.
    for line in PLAIN.iter().chain(&DISGUISED) {
        let request = forwarded(&proxy, &backend, &[line]);
        assert_eq!(request.headers().len(), 6, "{line}: {request:?}");
        assert!(!has(&request, line), "{line}: {request:?}");
    }
}

#[test]
fn a_trusted_proxy_says_it_with_dashes() {
    let backend = Backend::named("backend");
    let proxy = trusting("\"127.0.0.1\"", &backend);
    let request = forwarded(&proxy, &backend, &[&PLAIN[..], &DISGUISED].concat());
    for line in &PLAIN[1..] {
        assert!(has(&request, line), "{line}: {request:?}");
    }
    assert_eq!(request.values("x-forwarded-for"), ["6.6.6.6, 127.0.0.1"]);
    assert_eq!(request.headers().len(), PLAIN.len() + 3, "{request:?}");
    // Nor can a client behind it have one taken away.
    let request =
        forwarded(&proxy, &backend, &["Connection: X-Forwarded-Port, Client-IP", PLAIN[3], PLAIN[11]]);
    assert!(has(&request, PLAIN[3]) && has(&request, PLAIN[11]), "{request:?}");
}

#[test]
fn a_backend_gets_all_addresses_in_one_line() {
    let backend = Backend::named("backend");
    let proxy = trusting("\"127.0.0.0/8\"", &backend);
    for (lines, expected) in [
        (&["X-Forwarded-For: 9.9.9.9"][..], "9.9.9.9, 127.0.0.1"),
        (
            &[
                "X-Forwarded-For: 1.1.1.1",
                "X-Other: x",
                "X-Forwarded-For: 2.2.2.2,3.3.3.3",
                "X-Forwarded-For:",
            ],
            "1.1.1.1, 2.2.2.2,3.3.3.3, 127.0.0.1",
        ),
        (&["X-Forwarded-For:"], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ] {
        let request = forwarded(&proxy, &backend, lines);
        assert_eq!(request.values("x-forwarded-for"), [expected], "{lines:?}");
    }
}

#[test]
fn a_network_may_be_written_as_mapped() {
    for (networks, trusted) in [
        ("\"::ffff:127.0.0.0/104\"", true),
        ("\"::FFFF:7F00:0/104\"", true),
        ("\"::ffff:127.0.0.1\"", true),
        ("\"::ffff:127.0.0.1/128\"", true),
        ("\"::ffff:10.0.0.0/104\"", false),
        ("\"::/0\"", false),
    ] {
        let backend = Backend::named("backend");
        let proxy = trusting(networks, &backend);
        let request = forwarded(&proxy, &backend, &["X-Real-IP: 9.9.9.9"]);
        assert_eq!(request.header("x-real-ip").is_some(), trusted, "{networks}");
    }
}
