//! What the admin address says of the proxy.

use harness::{Backend, Client, Latch, Proxy, Setup};

fn answer(client: &mut Client, target: &str) -> (u16, String) {
    let response = client.get(target);
    (response.status(), response.text())
}

#[test]
fn readiness_ends_with_the_drain_and_life_with_the_process() {
    let release = Latch::default();
    let held = release.clone();
    let backend = Backend::start(move |exchange| {
        held.wait();
        exchange.respond("late");
    });
    let setup = Setup { top: "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]", ..Setup::default() };
    let mut proxy = setup.start(&[&backend]);
    let mut admin = Client::connect(proxy.admin());
    assert_eq!(answer(&mut admin, "/live"), (200, "live\n".into()));
    assert_eq!(answer(&mut admin, "/ready"), (200, "ready\n".into()));
    assert_eq!(answer(&mut admin, "/else").0, 404);
    assert_eq!(admin.post("/live", b"").status(), 405);
    // The listener knows nothing of them.
    let mut client = proxy.client();
    client.send("GET /ready HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);

    proxy.signal("TERM");
    proxy.log.wait_for("drain-started");
    let mut fresh = Client::connect(proxy.admin());
    for admin in [&mut admin, &mut fresh] {
        assert_eq!(answer(admin, "/ready"), (503, "draining\n".into()));
        assert_eq!(answer(admin, "/live"), (200, "live\n".into()));
    }
    release.open();
    assert_eq!(client.response("GET").text(), "late");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
}

/// Sends a change and reads the status and the text of the answer.
fn change(proxy: &Proxy, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut client = Client::connect(proxy.admin());
    let length = body.len();
    client.send(format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let response = client.response(method);
    (response.status(), response.text())
}

fn read(proxy: &Proxy, path: &str) -> String {
    Client::connect(proxy.admin()).get_with(&format!("/api/v1/{path}"), "").text()
}

/// Two backends, and what is said of the first.
fn overridden(backends: &[&Backend], first: &str, top: &str) -> String {
    let [a, b] = [0, 1].map(|place| backends[place].address());
    format!(
        "workers = 1\nstate_dir = \"state\"\n{top}[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n\
         [[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.web]\nbackends = [{{ name = \"ä/%\", address = \"{a}\"{first} }}, {{ name = \"b\", address = \"{b}\" }}]\n"
    )
}

#[test]
fn an_override_outlives_reloads_and_the_process_until_the_file_changes_that_key() {
    const BACKEND: &str = "pools/web/backends/%C3%A4%2F%25";
    let (a, b) = (Backend::named("a"), Backend::named("b"));
    let proxy = Proxy::start(&overridden(&[&a, &b], "", ""));
    let (status, text) = change(&proxy, "PATCH", BACKEND, "{\"draining\": true, \"weight\": 0.5}");
    assert!(status == 200 && text.contains("\"survives_restart\":true"), "{status} {text}");
    let served = |proxy: &Proxy| {
        let mut names: Vec<String> = (0..4).map(|_| proxy.client().get("/").text()).collect();
        names.sort();
        names.dedup();
        names.join(" ")
    };
    assert_eq!(served(&proxy), "b");
    proxy.reload(&overridden(&[&a, &b], "", "drain_timeout = \"7s\"\n"));
    assert_eq!(served(&proxy), "b", "an unrelated reload");

    let directory = proxy.stop();
    let proxy = Proxy::start_in(directory, &overridden(&[&a, &b], "", ""));
    assert_eq!(served(&proxy), "b", "a restart");
    proxy.reload(&overridden(&[&a, &b], ", weight = 2", ""));
    let said = proxy.log.wait_for("override-dropped");
    assert!(said.has(&[("key", "weight")]), "{said:?}");
    let left = read(&proxy, "overrides");
    assert!(left.contains("\"draining\"") && !left.contains("\"weight\""), "{left}");
    let cleared = "{\"backends\":1,\"policies\":0,\"survives_restart\":true}".to_owned();
    assert_eq!(change(&proxy, "DELETE", "overrides", ""), (200, cleared));
    assert_eq!(served(&proxy), "a b");
}

/// A pool with this policy, and a directory for what is to be kept.
fn put_over(backend: &Backend, policy: &str, top: &str) -> String {
    format!(
        "workers = 1\nstate_dir = \"state\"\n{top}[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n\
         [[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.web]\npolicy = \"{policy}\"\nbackends = [{{ name = \"a\", address = \"{}\" }}]\n",
        backend.address()
    )
}

#[test]
fn a_policy_that_was_put_outlives_the_process_until_the_file_names_another() {
    const POLICY: &str = "pools/web/policy";
    let backend = Backend::named("a");
    let proxy = Proxy::start(&put_over(&backend, "least-conn", ""));
    let plugin = harness::revised(pointsman_policy::bundled("ip-hash").expect("it is bundled"), 7);
    let version = &harness::version(&plugin)[..12];
    let mut client = Client::connect(proxy.admin());
    client.send(format!(
        "PUT /api/v1/{POLICY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/wasm\r\nContent-Length: {}\r\n\r\n",
        plugin.len()
    ));
    let response = client.send(&plugin).response("PUT");
    let (status, text) = (response.status(), response.text());
    assert!(status == 200 && text.contains("\"survives_restart\":true"), "{status} {text}");
    let serves = |proxy: &Proxy| read(proxy, POLICY).contains(&format!("\"version\":\"{version}\""));
    assert!(serves(&proxy));
    proxy.reload(&put_over(&backend, "least-conn", "drain_timeout = \"7s\"\n"));
    assert!(serves(&proxy), "an unrelated reload");

    let directory = proxy.stop();
    let proxy = Proxy::start_in(directory, &put_over(&backend, "least-conn", ""));
    assert!(serves(&proxy), "a restart");
    let another = put_over(&backend, "least-conn", "").replace("backends", "hash_seed = 9\nbackends");
    proxy.reload(&another);
    assert!(serves(&proxy), "a reload that makes the pool anew");
    proxy.reload(&put_over(&backend, "round-robin", ""));
    proxy.log.wait_for("put-policy-dropped");
    assert!(!serves(&proxy), "the file wins");

    let directory = proxy.stop();
    let proxy = Proxy::start_in(directory, &put_over(&backend, "least-conn", ""));
    assert!(!serves(&proxy), "and what was dropped stays dropped");
}

#[test]
fn a_policy_is_swapped_and_taken_back() {
    let backend = Backend::named("a");
    let setup = Setup { top: "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]", ..Setup::default() };
    let proxy = setup.start(&[&backend]);
    let pools = read(&proxy, "policies");
    let pool = pools.split("\"pool\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a pool");
    let policy = format!("pools/{pool}/policy");
    let (status, text) = change(&proxy, "POST", &format!("{policy}/rollback"), "{}");
    assert!(status == 409 && text.contains("no-version-before"), "{status} {text}");
    let (status, text) = change(&proxy, "PUT", &policy, "{\"name\": \"ip-hash\"}");
    assert!(status == 200 && text.contains("\"swapped\""), "{status} {text}");
    assert!(text.contains("\"survives_restart\":false"), "there is no state_dir: {text}");
    let (status, text) = change(&proxy, "PUT", &policy, "{\"name\": \"none\"}");
    assert!(status == 422 && text.contains("no-plugin"), "{status} {text}");
    let (status, text) = change(&proxy, "POST", &format!("{policy}/rollback"), "{}");
    assert!(status == 200 && text.contains("\"swapped\""), "{status} {text}");
    assert!(read(&proxy, &policy).contains("\"publication\":3"));
    assert_eq!(change(&proxy, "POST", "reload", "{}").0, 200);
    let events = read(&proxy, "events");
    assert_eq!(events.matches("policy-steered").count(), 2, "{events}");
}
