//! Policies that operators put are overrides: listed, taken back, and gone once the file says something else.

use harness::{Backend, Client, Proxy, constant, version, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

const POLICY: &str = "pools/web/policy";

/// A pool with the policy of a file, in a directory that holds it.
struct Scene {
    backend: Backend,
    directory: TempDir,
    policy: &'static str,
    top: &'static str,
}

impl Scene {
    fn new(policy: &'static str, top: &'static str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("p.wasm"), constant(0, 1)).expect("a plugin");
        Self { backend: Backend::named("a"), directory, policy, top }
    }

    fn configuration(&self, more: &str) -> String {
        format!(
            "workers = 1\n{}{more}[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n\
             [[listener]]\naddress = \"127.0.0.1:0\"\n\
             [pool.web]\npolicy = {}\nbackends = [{{ name = \"a\", address = \"{}\" }}]\n",
            self.top,
            self.policy,
            self.backend.address()
        )
    }

    fn start(self) -> (Proxy, impl Fn(TempDir) -> Proxy, impl Fn(&str) -> String) {
        let first = self.configuration("");
        let again = first.clone();
        let Self { backend, directory, policy, top } = self;
        let proxy = Proxy::start_in(directory, &first);
        let scene = Self { backend, directory: tempfile::tempdir().expect("a directory"), policy, top };
        (proxy, move |directory| Proxy::start_in(directory, &again), move |more| scene.configuration(more))
    }
}

/// Sends a change and reads the status and the answer.
fn change(proxy: &Proxy, method: &str, path: &str, (kind, body): (&str, &[u8])) -> (u16, Value) {
    let mut client = Client::connect(proxy.admin());
    client.send(format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/{kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    let response = client.send(body).response(method);
    (response.status(), serde_json::from_str(&response.text()).expect("JSON"))
}

fn put(proxy: &Proxy, plugin: &[u8]) {
    let (status, answer) = change(proxy, "PUT", POLICY, ("wasm", plugin));
    assert_eq!((status, &answer["version"]), (200, &json!(version(plugin)[..12])), "{answer}");
}

fn clear(proxy: &Proxy) -> (u16, Value) {
    change(proxy, "DELETE", "overrides", ("json", b""))
}

fn read(proxy: &Proxy, path: &str) -> Value {
    let text = Client::connect(proxy.admin()).get_with(&format!("/api/v1/{path}"), "").text();
    serde_json::from_str(&text).expect("JSON")
}

fn overrides(proxy: &Proxy) -> Vec<Value> {
    read(proxy, "overrides")["overrides"].as_array().expect("a list").clone()
}

/// Whether this plugin serves.
fn serves(proxy: &Proxy, plugin: &[u8]) -> bool {
    read(proxy, POLICY)["version"] == version(plugin)[..12]
}

#[test]
fn a_policy_that_was_put_is_listed_and_taken_back() {
    let (proxy, _, _) = Scene::new("{ file = \"p.wasm\" }", "").start();
    let (in_file, other) = (constant(0, 1), constant(0, 2));
    put(&proxy, &other);
    let listed = overrides(&proxy);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let short = |plugin: &[u8]| version(plugin)[..12].to_owned();
    let expected = [
        ("pool", json!("web")),
        ("backend", Value::Null),
        ("route", Value::Null),
        ("key", json!("policy")),
        ("value", json!(format!("uploaded@{}", short(&other)))),
        ("in_file", json!(format!("p@{}", short(&in_file)))),
    ];
    for (key, value) in expected {
        assert_eq!(listed[0][key], value, "{key} of {}", listed[0]);
    }
    assert!(listed[0]["since_ms"].as_u64() > Some(1_600_000_000_000), "{}", listed[0]);
    assert!(listed[0]["by"].as_str().is_some_and(|by| by.starts_with("127.0.0.1")), "{}", listed[0]);
    assert_eq!(read(&proxy, POLICY)["overrides"]["in_file"], listed[0]["in_file"]);

    // To go back to what the file says is to take it back, and to return is to put it anew.
    let rollback = |expected: usize| {
        let (status, answer) = change(&proxy, "POST", &format!("{POLICY}/rollback"), ("json", b"{}"));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(overrides(&proxy).len(), expected);
    };
    rollback(0);
    rollback(1);
    assert_eq!(clear(&proxy), (200, json!({ "backends": 0, "policies": 1, "survives_restart": true })));
    assert!(serves(&proxy, &in_file) && overrides(&proxy).is_empty());
    assert_eq!(read(&proxy, POLICY)["overrides"], Value::Null);
    let cleared = proxy.log.wait_for("overrides-cleared");
    assert!(cleared.has(&[("count", "0"), ("policies", "1")]), "{cleared:?}");
    assert_eq!(clear(&proxy).1["policies"], 0);
}

#[test]
fn what_was_taken_back_stays_so_over_a_restart() {
    let (proxy, again, configuration) =
        Scene::new("{ file = \"p.wasm\" }", "state_dir = \"state\"\n").start();
    let (in_file, other) = (constant(0, 1), constant(0, 2));
    put(&proxy, &other);
    let listed = overrides(&proxy);
    let proxy = again(proxy.stop());
    assert!(serves(&proxy, &other), "a restart");
    assert_eq!(overrides(&proxy), listed, "since when and by whom are still known");
    proxy.reload(&configuration("drain_timeout = \"7s\"\n"));
    assert!(serves(&proxy, &other) && overrides(&proxy) == listed, "an unrelated reload");
    assert_eq!(clear(&proxy), (200, json!({ "backends": 0, "policies": 1, "survives_restart": true })));
    let proxy = again(proxy.stop());
    assert!(serves(&proxy, &in_file) && overrides(&proxy).is_empty());
}

#[test]
fn a_program_that_takes_over_knows_what_was_put() {
    let (mut proxy, _, _) = Scene::new("{ file = \"p.wasm\" }", "state_dir = \"state\"\n").start();
    let other = constant(0, 2);
    put(&proxy, &other);
    let listed = overrides(&proxy);
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert!(serves(&proxy, &other));
    assert_eq!(overrides(&proxy), listed);
    assert_eq!(clear(&proxy).1["policies"], 1);
}

#[test]
fn a_file_that_changed_and_changed_back_keeps_its_place() {
    let (proxy, again, configuration) =
        Scene::new("{ file = \"p.wasm\" }", "state_dir = \"state\"\n").start();
    let (in_file, other, put_one) = (constant(0, 1), constant(0, 2), constant(0, 3));
    put(&proxy, &put_one);
    let replace = |proxy: &Proxy, content: &[u8]| {
        std::fs::write(proxy.path("next"), content).expect("a file");
        std::fs::rename(proxy.path("next"), proxy.path("p.wasm")).expect("it is replaced");
    };
    let proxy = again(proxy.stop());
    proxy.reload(&configuration("drain_timeout = \"7s\"\n"));
    assert!(serves(&proxy, &put_one), "the file is what it was when it was put");

    replace(&proxy, b"this is not a plugin");
    proxy.log.wait_for("policy-swap-refused");
    assert_eq!(
        proxy.log.events("policy-swapped"),
        [],
        "the first scan found the file as it was when it was put over"
    );
    assert_eq!(overrides(&proxy).len(), 1, "it serves on in the place of what can't");
    proxy.reload(&configuration("drain_timeout = \"8s\"\n"));
    assert!(serves(&proxy, &put_one) && overrides(&proxy).len() == 1);
    let (status, answer) = clear(&proxy);
    assert_eq!((status, &answer["error"]), (422, &json!("overrides-left")), "{answer}");
    let fault = &answer["faults"][0];
    assert!(fault["line"].is_u64() && fault["key"] == "pool.web.policy", "{answer}");

    replace(&proxy, &other);
    proxy.log.wait_for("put-policy-dropped");
    wait_until("the file wins", || serves(&proxy, &other) && overrides(&proxy).is_empty());
    replace(&proxy, &in_file);
    wait_until("the file is followed", || serves(&proxy, &in_file));
    let proxy = again(proxy.stop());
    assert!(serves(&proxy, &in_file), "what was dropped stays dropped");
    assert!(overrides(&proxy).is_empty());
}

#[test]
fn a_state_directory_that_is_gone_is_told_of() {
    let (proxy, _, _) = Scene::new("\"least-conn\"", "state_dir = \"state\"\n").start();
    put(&proxy, &constant(0, 2));
    std::fs::remove_dir_all(proxy.path("state")).expect("it was there");
    let (status, answer) = change(&proxy, "PATCH", "pools/web/backends/a", ("json", b"{\"draining\": true}"));
    assert_eq!((status, &answer["survives_restart"]), (200, &json!(false)), "{answer}");
    let (status, answer) = change(&proxy, "PUT", POLICY, ("wasm", &constant(0, 3)));
    assert_eq!((status, &answer["survives_restart"]), (200, &json!(false)), "{answer}");
    let cleared = (200, json!({ "backends": 1, "policies": 1, "survives_restart": false }));
    assert_eq!(clear(&proxy), cleared);
    assert_eq!(read(&proxy, POLICY)["name"], "least-conn");
}
