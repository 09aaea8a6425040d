//! Sticky sessions: clients come back to the backend that has served them.

use harness::{Backend, Client, Latch, Proxy, Response, Setup, nobody};

const STICKY: &str = "[pool.test.sticky]\n";

/// The name of the cookie where none is given.
const NAME: &str = "pointsman-test";

/// Two backends by turns, on one worker, and their proxy.
fn two(sticky: &str) -> ([Backend; 2], Proxy) {
    let backends = ["b0", "b1"].map(Backend::named);
    let pool = format!("{STICKY}{sticky}");
    let proxy = Setup { workers: 1, pool: &pool, ..Setup::default() }.start(&backends.each_ref());
    (backends, proxy)
}

/// The session that a response gives: name and value, as the client sends it.
fn given(response: &Response) -> Option<String> {
    let mut fields = response.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookie = fields.next().map(|(_, value)| value.split(';').next().unwrap_or_default().to_owned());
    assert!(fields.next().is_none(), "one cookie at most: {response:?}");
    cookie
}

/// The response to a client with this session.
fn with(client: &mut Client, session: &str) -> Response {
    client.get_with("/", &format!("Cookie: a=1; {session}\r\n"))
}

/// Sessions at b0 and b1.
fn sessions(proxy: &Proxy) -> [String; 2] {
    let mut client = proxy.client();
    let mut found = [None, None];
    while found.contains(&None) {
        let response = client.get("/");
        found[usize::from(response.text() == "b1")] = given(&response);
    }
    found.map(Option::unwrap)
}

#[test]
fn a_client_comes_back_and_gets_its_cookie_once() {
    let (backends, proxy) = two("");
    let response = proxy.client().get("/");
    let field = response.header("set-cookie").expect("a cookie");
    let (value, attributes) = field.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    assert!(value.starts_with(NAME) && value.len() == NAME.len() + 1 + 16, "{value}");
    assert!(!field.contains(&backends[0].address().port().to_string()), "no address: {field}");

    let sessions = sessions(&proxy);
    let mut client = proxy.client();
    for round in 0..10 {
        for (place, session) in sessions.iter().enumerate() {
            let response = with(&mut client, session);
            assert_eq!(response.text(), format!("b{place}"), "round {round}");
            assert_eq!(given(&response), None, "it has it");
        }
    }
    // Who has no session of ours gets one, and is balanced.
    let mut served = Vec::new();
    for _ in 0..4 {
        let response = with(&mut client, "pointsman-test=AAAAAAAAAAAAAAAA");
        assert!(given(&response).is_some());
        served.push(response.text());
    }
    served.sort_unstable();
    assert_eq!(served, ["b0", "b0", "b1", "b1"]);
}

#[test]
fn sessions_outlive_reloads_and_the_process_and_hold_at_every_proxy_of_a_pool() {
    let (backends, proxy) = two("");
    let sessions = sessions(&proxy);
    // In another order, at another place, beside others.
    let new = Backend::named("b2");
    let config = |names: [&str; 3], places: [&Backend; 3]| {
        let entry =
            |(name, at): (&str, &Backend)| format!("{{ name = \"{name}\", address = \"{}\" }}", at.address());
        let entries: Vec<String> = names.into_iter().zip(places).map(entry).collect();
        format!(
            "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [{}]\n{STICKY}",
            entries.join(", ")
        )
    };
    proxy.reload(&config(["b2", "b1", "b0"], [&new, &backends[1], &backends[0]]));
    for (place, session) in sessions.iter().enumerate() {
        assert_eq!(with(&mut proxy.client(), session).text(), format!("b{place}"));
    }
    let other = Proxy::start(&config(["b1", "b0", "b2"], [&backends[1], &backends[0], &new]));
    for (place, session) in sessions.iter().enumerate() {
        assert_eq!(with(&mut other.client(), session).text(), format!("b{place}"));
    }
    // Under another secret they are nothing, and what is made with it holds while it does.
    std::fs::write(other.path("secret"), "one\n").expect("a file");
    let secret = |config: String| format!("{config}secret_file = \"secret\"\n");
    let of_other = config(["b0", "b1", "b2"], [&backends[0], &backends[1], &new]);
    other.reload(&secret(of_other));
    let mut client = other.client();
    let sealed = given(&with(&mut client, &sessions[0])).expect("another cookie");
    for _ in 0..6 {
        assert_eq!(given(&with(&mut client, &sealed)), None);
    }
    // None at all is none.
    std::fs::write(other.path("secret"), "\n").expect("a file");
    other.log.wait_for("configuration-refused");
    assert_eq!(given(&with(&mut client, &sealed)), None);
    std::fs::write(other.path("secret"), "two\n").expect("a file");
    other.log.wait_for_many("configuration-reloaded", 2);
    assert!(given(&with(&mut other.client(), &sealed)).is_some_and(|session| session != sealed));
}

#[test]
fn a_draining_backend_keeps_its_clients_and_gets_no_others() {
    let (backends, proxy) = two("");
    let sessions = sessions(&proxy);
    let entries = format!(
        "[{{ name = \"b0\", address = \"{}\", draining = true }}, {{ name = \"b1\", address = \"{}\" }}]",
        backends[0].address(),
        backends[1].address()
    );
    proxy.reload(&format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = {entries}\n{STICKY}"
    ));
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(with(&mut client, &sessions[0]).text(), "b0");
        assert_eq!(client.get("/").text(), "b1");
    }
}

#[test]
fn a_session_moves_from_a_backend_that_is_gone() {
    let live = Backend::named("b1");
    let setup = |pool| Setup { workers: 1, pool, ..Setup::default() };
    let dead = nobody();
    let proxy = setup("[pool.test.sticky]").start_at(&[dead, live.address()]);
    // Made by a proxy whose backend of that name answers.
    let (_backends, other) = two("");
    let [session, _] = sessions(&other);
    let mut client = proxy.client();
    for method in ["GET", "POST"] {
        client.send(format!(
            "{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nCookie: {session}\r\n\r\n"
        ));
        let response = client.response(method);
        assert_eq!(response.text(), "b1", "another attempt, as nothing was sent");
        let moved = given(&response).expect("a new session");
        assert_eq!(given(&with(&mut client, &moved)), None);
    }
}

#[test]
fn a_strict_session_ends_with_its_backend() {
    let (backends, proxy) = two("mode = \"strict\"");
    let sessions = sessions(&proxy);
    let mut client = proxy.client();
    for (place, session) in sessions.iter().enumerate() {
        assert_eq!(with(&mut client, session).text(), format!("b{place}"));
    }
    let pool = format!("{STICKY}mode = \"strict\"");
    proxy.reload(
        &Setup { workers: 1, pool: &pool, ..Setup::default() }
            .configuration(&[nobody(), backends[1].address()]),
    );
    // It can't be reached, and no other one is tried.
    let count = backends[1].count();
    let response = with(&mut client, &sessions[0]);
    assert_eq!((response.status(), response.error_label()), (503, Some("connect-failed")));
    assert_eq!((given(&response), backends[1].count()), (None, count));
    // It isn't one of the pool's any more: for all that a cookie shows, it may never have been.
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [{{ name = \"b1\", address = \"{}\" }}]\n{pool}\n",
        backends[1].address()
    );
    proxy.reload(&config);
    let response = with(&mut client, &sessions[0]);
    assert_eq!((response.text(), given(&response)), ("b1".to_owned(), Some(sessions[1].clone())));
}

#[test]
fn a_strict_session_waits_for_its_backend_to_return_and_for_its_response() {
    let (_backends, made_by) = two("");
    let [session, _] = sessions(&made_by);
    let (dead, other) = (nobody(), Backend::named("b1"));
    let pool = format!(
        "response_timeout = \"30s\"\nejection = {{ enabled = false }}\n\
         retry = {{ attempts = 2, wait = \"60s\", per_try_timeout = \"100ms\" }}\n{STICKY}mode = \"strict\""
    );
    let setup = Setup { workers: 1, pool: &pool, ..Setup::default() };
    let proxy = Proxy::start_with_log("debug", &setup.configuration(&[dead, other.address()]));
    let mut client = proxy.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: test\r\nCookie: {session}\r\n\r\n"));
    proxy.log.wait_for("request-retried");
    let release = Latch::default();
    let held = release.clone();
    let returned = Backend::start_on(dead, move |exchange| {
        held.wait();
        exchange.respond("returned");
    });
    returned.wait_for_requests(1);
    // Longer than an attempt may take that another one can follow.
    harness::sleep(std::time::Duration::from_millis(400));
    release.open();
    assert_eq!(client.response("GET").text(), "returned");
    assert_eq!((returned.count(), other.count()), (1, 0));
}

#[test]
fn sessions_stay_at_a_backup_when_the_others_return() {
    let spare = Backend::named("spare");
    let dead = nobody();
    let config = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\
         {{ name = \"b0\", address = \"{dead}\" }}, {{ name = \"spare\", address = \"{}\", backup = true }}]\n\
         {STICKY}mode = \"strict\"\n",
        spare.address()
    );
    let proxy = Proxy::start(&config);
    let response = proxy.client().get("/");
    let session = given(&response).expect("a session");
    assert_eq!(response.text(), "spare");
    assert_eq!(with(&mut proxy.client(), &session).text(), "spare");
    let _returned = Backend::start_on(dead, |exchange| exchange.respond("b0"));
    let mut client = proxy.client();
    harness::wait_until("others serve", || client.get("/").text() == "b0");
    assert_eq!(with(&mut client, &session).text(), "spare");
}

/// Two backends that have one request at a time and hold those for `/held`.
fn full(sticky: &str, release: &Latch) -> ([Backend; 2], Proxy) {
    let backends = ["b0", "b1"].map(|name| {
        let release = release.clone();
        Backend::start(move |exchange| {
            if exchange.request.target() == "/held" {
                release.wait();
            }
            exchange.respond(name);
        })
    });
    let pool = format!("max_requests = 1\n{STICKY}{sticky}");
    let proxy = Setup { workers: 1, pool: &pool, ..Setup::default() }.start(&backends.each_ref());
    (backends, proxy)
}

#[test]
fn another_backend_serves_for_one_that_is_full_and_the_session_stays() {
    let release = Latch::default();
    let (backends, proxy) = full("", &release);
    let [session, _] = sessions(&proxy);
    let count = backends[0].count();
    let mut held = proxy.client();
    held.send(format!("GET /held HTTP/1.1\r\nHost: test\r\nCookie: {session}\r\n\r\n"));
    backends[0].wait_for_requests(count + 1);
    let response = with(&mut proxy.client(), &session);
    assert_eq!((response.text().as_str(), given(&response)), ("b1", None));
    release.open();
    assert_eq!(held.response("GET").text(), "b0");
    assert_eq!(with(&mut proxy.client(), &session).text(), "b0");
}

#[test]
fn a_strict_session_waits_for_its_backend_in_the_queue() {
    let release = Latch::default();
    let (backends, proxy) =
        full("mode = \"strict\"\n[pool.test.queue]\nlength = 10\ntimeout = \"60s\"", &release);
    let [session, _] = sessions(&proxy);
    let counts = backends.each_ref().map(Backend::count);
    let mut held = proxy.client();
    held.send(format!("GET /held HTTP/1.1\r\nHost: test\r\nCookie: {session}\r\n\r\n"));
    backends[0].wait_for_requests(counts[0] + 1);
    let mut waiting = proxy.client();
    waiting.send(format!("GET /held HTTP/1.1\r\nHost: test\r\nCookie: {session}\r\n\r\n"));
    // That is no wait for others, which the one worker reads later.
    for _ in 0..3 {
        assert_eq!(proxy.client().get("/").text(), "b1");
    }
    release.open();
    assert_eq!((held.response("GET").text(), waiting.response("GET").text()), ("b0".into(), "b0".into()));
    assert_eq!(backends[1].count(), counts[1] + 3);
}

#[test]
fn a_backend_does_not_see_a_cookie_that_is_stripped() {
    let (backends, proxy) = two("strip = true\ncookie = \"stay\"");
    let [session, _] = sessions(&proxy);
    assert!(session.starts_with("stay="));
    let mut client = proxy.client();
    client.get_with("/", &format!("Cookie: a=1; {session}; b=2\r\nCookie: {session}\r\n"));
    let request = backends[0].requests().pop().expect("a request");
    assert_eq!(request.values("cookie"), ["a=1; b=2"]);
    // Nor does the one of another attempt.
    let live = Backend::named("b1");
    let pool = format!("{STICKY}strip = true\ncookie = \"stay\"");
    let proxy = Setup { workers: 1, pool: &pool, ..Setup::default() }.start_at(&[nobody(), live.address()]);
    assert_eq!(with(&mut proxy.client(), &session).text(), "b1");
    assert_eq!(live.requests()[0].values("cookie"), ["a=1"]);
}

#[test]
fn a_session_begins_with_whatever_a_backend_answers() {
    let backend = Backend::start(|exchange| match exchange.request.header("upgrade") {
        Some(_) => {
            exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
            exchange.wait_for_close();
        }
        None => exchange.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nSet-Cookie: own=1\r\n\r\n"),
    });
    let pool = "intercept = [\"5xx\"]\nresponse_headers = { remove = [\"set-cookie\"] }\n\
                [[pool.test.error_page]]\nstatus = \"5xx\"\ntext = \"sorry\"\n[pool.test.sticky]";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let page = proxy.client().get("/");
    assert_eq!(page.text(), "sorry");
    let session = given(&page).expect("the proxy's own cookie, and no other");
    assert!(session.starts_with(NAME), "{session}");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let response = client.response("GET");
    assert_eq!((response.status(), given(&response)), (101, Some(session)));
}

#[test]
fn a_secret_that_cannot_be_read_is_named() {
    let backend = Backend::named("b0");
    let pool = format!("{STICKY}secret_file = \"none\"");
    let setup = Setup { pool: &pool, ..Setup::default() };
    let output = Proxy::run_to_end(&["check"], &setup.configuration(&[backend.address()]));
    assert_eq!(output.status.code(), Some(1));
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("pool.test.sticky.secret_file: cannot read"), "{text}");
}

#[test]
fn what_became_of_sessions_is_counted_and_told() {
    let backends = ["b0", "b1"].map(Backend::named);
    let top = "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[access_log]\npath = \"access.log\"";
    let proxy =
        Setup { workers: 1, top, pool: "[pool.test.sticky]", ..Setup::default() }.start(&backends.each_ref());
    let [session, _] = sessions(&proxy);
    with(&mut proxy.client(), &session);
    let line = "pointsman_pool_sessions_total{pool=\"test\",result=\"kept\"} 1";
    let metrics = || Client::connect(proxy.admin()).get("/metrics").text();
    harness::wait_until("it is counted", || metrics().contains(line));
    let is_told = || {
        let log = std::fs::read_to_string(proxy.path("access.log")).unwrap_or_default();
        log.lines().any(|line| line.contains("\"chosen_by\":\"session\""))
    };
    harness::wait_until("it is in the log", is_told);
}
