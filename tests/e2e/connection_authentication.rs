//! Backends that authenticate connections instead of requests (NTLM, Negotiate): nobody is served as somebody else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use harness::{Backend, Client, Exchange, Response, Setup, wait_until};

const ONE_WORKER: Setup<'_> =
    Setup { workers: 1, top: "", listener: "", policy: "\"round-robin\"", pool: "" };

fn connection(exchange: &Exchange<'_>) -> SocketAddr {
    exchange.reader.get_ref().peer_addr().expect("an open socket")
}

/// A backend that authenticates connections, with this challenge: the credentials `NAME one`, and then `NAME two` on the same
/// connection, make the connection the user's.
fn authenticating(name: &'static str, status: &'static str, challenge: &'static str) -> Backend {
    let states = Mutex::new(HashMap::<SocketAddr, String>::new());
    Backend::start(move |exchange| {
        exchange.read_body();
        let mut states = states.lock().expect("no panic");
        let state = states.entry(connection(exchange)).or_default();
        let (scheme, step) = match exchange.request.header("authorization") {
            Some(credentials) => credentials.split_once(' ').expect("a scheme and a token"),
            None => ("", ""),
        };
        if scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate") {
            match (step, state.as_str()) {
                ("one", _) => *state = "challenged".into(),
                ("two", "challenged") | ("ticket", _) => *state = "user".into(),
                _ => *state = String::new(),
            }
        }
        let user = state == "user";
        drop(states);
        if user {
            exchange.respond("user");
        } else {
            exchange.send(format!("HTTP/1.1 {status}\r\n{name}: {challenge}\r\nContent-Length: 2\r\n\r\nno"));
        }
    })
}

fn with(client: &mut Client, credentials: &str) -> Response {
    client.get_with("/", &format!("Authorization: {credentials}\r\n"))
}

fn authenticate(client: &mut Client, scheme: &str, refused: u16) {
    assert_eq!(client.get("/").status(), refused);
    assert_eq!(with(client, &format!("{scheme} one")).status(), refused);
    let response = with(client, &format!("{scheme} two"));
    assert_eq!((response.status(), response.text().as_str()), (200, "user"));
}

#[test]
fn an_authenticated_connection_belongs_to_one_client() {
    for (name, status, challenge) in [
        ("WWW-Authenticate", "401 Unauthorized", "NTLM"),
        ("WWW-Authenticate", "401 Unauthorized", "Negotiate"),
        ("WWW-Authenticate", "401 Unauthorized", "Basic realm=\"a, b\", negotiate, NTLM"),
        ("WWW-Authenticate", "401 Unauthorized", "Basic realm=x\r\nWWW-Authenticate: NTLM"),
        ("Proxy-Authenticate", "407 Proxy Authentication Required", "NTLM"),
    ] {
        let backends = [(); 2].map(|()| authenticating(name, status, challenge));
        let proxy = ONE_WORKER.start(&backends.each_ref());
        let refused = status[..3].parse().expect("a status");
        let scheme = if challenge.contains("NTLM") { "NTLM" } else { "Negotiate" };
        let (mut user, mut stranger) = (proxy.client(), proxy.client());
        authenticate(&mut user, scheme, refused);
        for round in 0..10 {
            // The policy goes round; the user doesn't.
            assert_eq!(user.get("/").text(), "user", "{challenge}, round {round}");
            let response = stranger.get("/");
            assert_eq!(response.status(), refused, "{challenge}, round {round}: nobody else is the user");
            let response = proxy.client().get("/");
            assert_eq!(response.status(), refused, "{challenge}, round {round}: nobody else is the user");
        }
        assert_eq!(user.post("/", b"body").text(), "user");
        drop((user, stranger));
        wait_until("it ends with its client", || {
            backends.iter().all(|backend| backend.open_connections() == 0)
        });
        assert_eq!(proxy.client().get("/").status(), refused);
    }
}

#[test]
fn credentials_that_come_unasked_make_the_connection_the_clients_own() {
    let backend = authenticating("WWW-Authenticate", "401 Unauthorized", "Negotiate");
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut user = proxy.client();
    assert_eq!(with(&mut user, "negotiate ticket").text(), "user");
    assert_eq!(user.get("/").text(), "user");
    assert_eq!(proxy.client().get("/").status(), 401);
    assert_eq!(user.get("/").text(), "user");
}

#[test]
fn other_schemes_share_connections() {
    let backend = Backend::start(|exchange| {
        let status = if exchange.request.header("authorization").is_some() { "200 OK" } else { "401 No" };
        exchange.send(format!(
            "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"NTLM\"\r\nContent-Length: 0\r\n\r\n"
        ));
    });
    let proxy = ONE_WORKER.start(&[&backend]);
    for credentials in ["Basic TlRMTSA=", "Bearer NTLM", "Digest username=\"negotiate\""] {
        let mut client = proxy.client();
        assert_eq!(client.get("/").status(), 401);
        assert_eq!(with(&mut client, credentials).status(), 200);
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_connection_of_a_client_that_is_idle_gives_way_to_a_request() {
    let backend = authenticating("WWW-Authenticate", "401 Unauthorized", "NTLM");
    let proxy = Setup { pool: "max_connections = 1", ..ONE_WORKER }.start(&[&backend]);
    let mut user = proxy.client();
    authenticate(&mut user, "NTLM", 401);
    assert_eq!(proxy.client().get("/").status(), 401, "served, and as nobody");
    assert_eq!(user.get("/").status(), 401, "the user authenticates once more");
    authenticate(&mut user, "NTLM", 401);
}

#[test]
fn a_client_whose_own_connection_is_closed_gets_another_one() {
    let backend = authenticating("WWW-Authenticate", "401 Unauthorized", "NTLM");
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut user = proxy.client();
    for _ in 0..3 {
        authenticate(&mut user, "NTLM", 401);
        backend.close_connections();
        wait_until("it is closed", || backend.open_connections() == 0);
    }
}

#[test]
fn a_connection_of_a_client_ends_with_its_backend() {
    let challenge = ("WWW-Authenticate", "401 Unauthorized", "NTLM");
    let backends = [(); 2].map(|()| authenticating(challenge.0, challenge.1, challenge.2));
    let addresses = backends.each_ref().map(Backend::address);
    let proxy = ONE_WORKER.start_at(&addresses[..1]);
    let mut user = proxy.client();
    authenticate(&mut user, "NTLM", 401);
    assert_eq!(backends[0].open_connections(), 1);
    proxy.reload(&ONE_WORKER.configuration(&addresses[1..]));
    wait_until("nothing leads to it any more", || backends[0].open_connections() == 0);
    authenticate(&mut user, "NTLM", 401);
    assert_eq!((backends[0].open_connections(), backends[1].open_connections()), (0, 1));
}
