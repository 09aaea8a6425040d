//! Plugins that turn bad after they were let in: they are taken back, and kept out.

use std::fs;
use std::time::{Duration, Instant};

use harness::{Backend, Proxy, choose, constant, guest, version, wait_until};
use tempfile::TempDir;

/// Chooses backend 0, and traps after 1,000 picks over all its instances.
fn turns_bad() -> Vec<u8> {
    let calm = choose(0);
    guest(&format!(
        r#"(func (export "pointsman_pick") (result i64)
            (if (i64.ge_u
                    (call $cell_add (i32.const 0) (i32.const 0) (i32.const 4) (i64.const 1))
                    (i64.const 1000))
                (then unreachable))
            {calm})"#
    ))
}

/// Chooses backend 1 after its first 100 picks, over all workers and versions, and backend 2 before.
fn learns() -> Vec<u8> {
    let (early, late) = (choose(2), choose(1));
    guest(&format!(
        r#"(func (export "pointsman_pick") (result i64)
            (if (i64.lt_u
                    (call $cell_add (i32.const 0) (i32.const 0) (i32.const 3) (i64.const 1))
                    (i64.const 100))
                (then {early} return))
            {late})"#
    ))
}

struct Scene {
    backends: [Backend; 3],
    policy: &'static str,
    top: &'static str,
}

impl Scene {
    fn new(top: &'static str, policy: &'static str) -> Self {
        Self { backends: ["0", "1", "2"].map(Backend::named), policy, top }
    }

    fn start(&self, directory: TempDir) -> Proxy {
        let [a, b, c] = self.backends.each_ref().map(Backend::address);
        let Self { top, policy, .. } = self;
        Proxy::start_in(
            directory,
            &format!(
                "workers = 1\n{top}\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n\
                 [pool.test]\npolicy = {{ file = \"p.wasm\", {policy} }}\nbackends = [\"{a}\", \"{b}\", \"{c}\"]\n"
            ),
        )
    }
}

fn directory(plugin: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("p.wasm"), plugin).expect("a plugin");
    directory
}

/// Puts another content in the plugin's place.
fn replace(proxy: &Proxy, content: &[u8]) {
    fs::write(proxy.path("next"), content).expect("a file beside it");
    fs::rename(proxy.path("next"), proxy.path("p.wasm")).expect("the file is replaced");
    proxy.signal("HUP");
}

#[test]
fn a_version_that_turns_bad_is_rolled_back_within_two_seconds_and_cells_are_as_they_were() {
    let scene = Scene::new("", "");
    let proxy = scene.start(directory(&learns()));
    let mut client = proxy.client();
    for _ in 0..120 {
        client.get("/");
    }
    assert_eq!(client.get("/").text(), "1", "it has learnt");
    replace(&proxy, &turns_bad());
    proxy.log.wait_for("policy-swapped");
    let mut sound = 0;
    while proxy.log.events("policy-faulted").is_empty() {
        let response = client.get("/");
        assert_eq!(response.status(), 200);
        sound += usize::from(response.text() == "0");
    }
    assert!(sound >= 1000, "all of them are requests': admission has cells of its own: {sound}");
    let (faulty, mut last) = (Instant::now(), String::new());
    wait_until("the version before is back", || {
        let response = client.get("/");
        assert_eq!(response.status(), 200, "no request fails");
        last = response.text();
        !proxy.log.events("policy-rolled-back").is_empty() && last == "1"
    });
    let took = faulty.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!((0..50).all(|_| client.get("/").text() == "1"), "with its cells");
    let line = proxy.log.wait_for("policy-rolled-back");
    let (from, to) = (version(&turns_bad()), version(&learns()));
    assert!(line.level() == "ERROR" && line.has(&[("pool", "test"), ("from", &from), ("to", &to)]), "{line}");
    assert!(line.message().contains("trap in `pick`"), "its last fault: {line}");

    // The same content isn't let in again, another one is.
    proxy.signal("HUP");
    replace(&proxy, &constant(0, 1));
    proxy.log.wait_for_many("policy-swapped", 2);
    wait_until("the new version serves", || client.get("/").text() == "0");
}

#[test]
fn a_restart_beside_a_broken_file_serves_the_last_good_version() {
    let scene = Scene::new("state_dir = \"state\"", "probation = { picks = 0, time = \"1s\" }");
    let directory = directory(&constant(1, 0));
    let path = directory.path().to_owned();
    let state = path.join("state/policies.json");
    let proxy = scene.start(directory);
    assert_eq!(proxy.client().get("/").text(), "1");
    wait_until("the version is proven", || state.exists());
    let directory = proxy.stop();

    fs::write(path.join("p.wasm"), "<html>not found</html>").expect("a broken file");
    let proxy = scene.start(directory);
    let line = proxy.log.wait_for("policy-restored");
    assert!(line.level() == "ERROR" && line.field("version") == Some(&version(&constant(1, 0))), "{line}");
    assert!(line.field("file").is_some_and(|file| file.ends_with("p.wasm")), "{line}");
    assert!(line.message().contains("a web page"), "what is wrong with the file: {line}");
    assert_eq!(proxy.client().get("/").text(), "1");
    replace(&proxy, &constant(2, 0));
    proxy.log.wait_for("policy-swapped");
    assert_eq!(proxy.client().get("/").text(), "2");
}

#[test]
fn without_a_good_version_a_broken_file_keeps_the_proxy_from_starting() {
    let scene = Scene::new("state_dir = \"state\"", "");
    let [a, ..] = scene.backends.each_ref().map(Backend::address);
    let output = Proxy::run_to_end(
        &["run"],
        &format!(
            "state_dir = \"state\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
             [pool.test]\npolicy = {{ file = \"pointsman.toml\" }}\nbackends = [\"{a}\"]\n"
        ),
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("pool.test.policy: not a WebAssembly module: the file is text"), "{errors}");
}

#[test]
fn what_was_rolled_back_stays_out_over_a_restart() {
    let mut scene = Scene::new("state_dir = \"state\"", "probation = { picks = 0, time = \"1s\" }");
    let directory = directory(&constant(1, 0));
    let state = directory.path().join("state/policies.json");
    let proxy = scene.start(directory);
    wait_until("the version is proven", || state.exists());
    // Long enough for what follows.
    scene.policy = "";
    let proxy = scene.start(proxy.stop());
    replace(&proxy, &turns_bad());
    proxy.log.wait_for("policy-swapped");
    let mut client = proxy.client();
    wait_until("it is rolled back", || {
        assert_eq!(client.get("/").status(), 200);
        !proxy.log.events("policy-rolled-back").is_empty()
    });
    wait_until("it is written down", || {
        fs::read_to_string(&state).is_ok_and(|text| text.contains("unreachable"))
    });
    let proxy = scene.start(proxy.stop());
    let line = proxy.log.wait_for("policy-restored");
    assert!(line.message().contains("this version was taken back"), "{line}");
    assert_eq!(proxy.client().get("/").text(), "1");
}

#[test]
fn where_no_other_backend_will_do_a_fault_is_a_503() {
    let calm = choose(2);
    let moody = guest(&format!(
        r#"(data (i32.const 0) "x-mood")
        (func (export "pointsman_pick") (result i64)
            (if (i32.ge_s (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16)) (i32.const 0))
                (then unreachable))
            {calm})"#
    ));
    let scene = Scene::new("", "on_fault = \"reject\"");
    let proxy = scene.start(directory(&moody));
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "2");
    let response = client.get_with("/", "X-Mood: bad\r\n");
    assert_eq!((response.status(), response.header("x-pointsman-error")), (503, Some("policy-fault")));
    let line = proxy.log.wait_for("policy-faulted");
    assert_eq!(line.field("kind"), Some("trap"), "{line}");
    assert!(line.message().ends_with("; the request is rejected"), "what becomes of it: {line}");
    wait_until("the policy is back", || client.get("/").text() == "2");
    let counts = scene.backends.each_ref().map(Backend::count);
    assert_eq!(counts[..2], [0, 0], "nothing went elsewhere");
}

#[test]
fn the_newest_version_without_faults_comes_back_although_it_has_not_served_for_a_minute() {
    let scene = Scene::new("", "");
    let proxy = scene.start(directory(&constant(1, 0)));
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "1");
    let second = constant(2, 0);
    replace(&proxy, &second);
    proxy.log.wait_for("policy-swapped");
    // Workers report their picks once a second.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2500) {
        client.get("/");
    }
    assert_eq!(client.get("/").text(), "2");
    replace(&proxy, &turns_bad());
    proxy.log.wait_for_many("policy-swapped", 2);
    wait_until("a version is back", || {
        assert_eq!(client.get("/").status(), 200, "no request fails");
        !proxy.log.events("policy-rolled-back").is_empty()
    });
    let line = proxy.log.wait_for("policy-rolled-back");
    assert_eq!(line.field("to"), Some(&*version(&second)), "{line}");
    for why in ["to the newest version without faults", "hadn't been proven"] {
        assert!(line.message().contains(why), "{line}");
    }
    wait_until("it serves", || client.get("/").text() == "2");
}
