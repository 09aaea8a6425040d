//! What is changed from the command line: backends, policies, the configuration.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use harness::{Backend, Client, Latch, Proxy, Setup, program, wait_until};

use super::{ADMIN, ctl, shown_json, told};

/// The proxy's answer to a command that it does.
fn done(proxy: &Proxy, arguments: &[&str]) -> String {
    let (code, text) = run(proxy, arguments);
    assert_eq!(code, 0, "{arguments:?}: {text}");
    text
}

fn run(proxy: &Proxy, arguments: &[&str]) -> (i32, String) {
    ctl(&[&["--address", &proxy.admin().to_string()], arguments].concat())
}

#[test]
fn backends_are_steered() {
    let latch = Latch::default();
    let backends = ["a", "b"].map(|name| {
        let latch = latch.clone();
        Backend::start(move |exchange| {
            latch.wait();
            exchange.respond(name);
        })
    });
    let proxy = Setup { top: ADMIN, ..Setup::default() }.start(&backends.each_ref());
    let mut client = proxy.client();
    let request = thread::spawn(move || client.get("/").text());
    wait_until("a backend has the request", || backends.iter().any(|backend| backend.count() == 1));
    let busy = if backends[0].count() == 1 { "test/b0" } else { "test/b1" };

    let told_at_once = done(&proxy, &["drain", busy]);
    let fleeting = "; that ends with the process, SIGUSR2 included, as there is no `state_dir`\n";
    assert_eq!(told_at_once, format!("{busy} drains; 1 in flight, `--wait` waits for their end{fleeting}"));
    let other = if busy == "test/b0" { "test/b1" } else { "test/b0" };
    let told_of_other = done(&proxy, &["drain", other]);
    let last =
        format!("{other} drains; nothing is in flight; no backend of test gets requests now{fleeting}");
    assert_eq!(told_of_other, last);
    assert_eq!(done(&proxy, &["undrain", other]), format!("{other} is up\n"), "nothing is left to end");
    assert!(done(&proxy, &["undrain", busy]).contains(&format!("{busy} is up")));
    let mut waiting = Command::new(program());
    waiting.args(["ctl", "--address", &proxy.admin().to_string(), "drain", busy, "--wait"]);
    let mut waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    wait_until("it drains", || done(&proxy, &["backends", "--down"]).contains(busy));
    assert_eq!(waiting.try_wait().expect("a child"), None, "the request still runs");
    latch.open();
    assert!(["a", "b"].contains(&&*request.join().expect("an answer")));
    let output = waiting.wait_with_output().expect("its output");
    assert_eq!(told(&output), (0, format!("{busy} drains; nothing is in flight{fleeting}")));

    let told_of_weight = done(&proxy, &["weight", busy, "2.5"]);
    assert!(told_of_weight.starts_with(&format!("{busy} has weight 2.5, which is ")), "{told_of_weight}");
    let keys = overridden(&proxy);
    assert_eq!(keys, ["draining", "weight"]);
    assert!(done(&proxy, &["weight", busy, "file"]).contains("has weight 1,"));
    assert_eq!(overridden(&proxy), ["draining"]);
    let overrides = done(&proxy, &["overrides"]);
    let cells: Vec<&str> = overrides.lines().nth(1).expect("an override").split_whitespace().collect();
    assert_eq!(cells[..4], [busy, "draining", "yes", "no"], "{overrides}");
    assert!(cells[6].len() == "00:00:00".len() && overrides.lines().count() == 2, "{overrides}");
    let cleared = done(&proxy, &["overrides", "--clear"]);
    assert_eq!(cleared, "1 backend is as the file says again\n");
    assert!(done(&proxy, &["overrides"]).contains("none"));
    assert_eq!(done(&proxy, &["backends", "--down"]).lines().count(), 1, "the heading");
    let (code, text) = run(&proxy, &["weight", busy, "1000.5"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("weight: 1000.5 isn't from 0.001 to 1000"), "{text}");
}

#[test]
fn what_is_changed_says_whether_it_outlives_the_process() {
    let backend = Backend::named("a");
    let mut proxy = Setup { top: ADMIN, ..Setup::default() }.start(&[&backend]);
    done(&proxy, &["weight", "test/b0", "2"]);
    done(&proxy, &["swap", "test", "ip-hash"]);
    let list = done(&proxy, &["overrides"]);
    let policy = list.lines().nth(2).expect("a policy");
    assert!(
        policy.starts_with("test ") && policy.contains(" policy ") && policy.contains("ip-hash@"),
        "{list}"
    );
    proxy.signal("USR2");
    let line = proxy.log.wait_for("overrides-not-handed-over");
    assert!(line.has(&[("backends", "1"), ("policies", "1")]), "{line}");
    proxy.log.wait_for("process-replaced");
    proxy.wait_for_exit();

    let kept = tempfile::tempdir().expect("a directory");
    let top = format!("state_dir = \"{}\"\n{ADMIN}", kept.path().display());
    let mut proxy = Setup { top: &top, ..Setup::default() }.start(&[&backend]);
    let said = done(&proxy, &["weight", "test/b0", "2"]);
    assert!(said.ends_with("which is 100% of its pool\n"), "{said}");
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    proxy.wait_for_exit();
    assert!(proxy.log.events("overrides-not-handed-over").is_empty());
}

/// The keys that differ from the configuration.
fn overridden(proxy: &Proxy) -> Vec<String> {
    let list = shown_json(&proxy.admin().to_string(), &["overrides"]);
    let records = list["overrides"].as_array().expect("a list");
    records.iter().map(|record| record["key"].as_str().expect("a key").to_owned()).collect()
}

#[test]
fn policies_and_the_configuration_are_replaced() {
    let backend = Backend::named("a");
    let setup = Setup { top: ADMIN, ..Setup::default() };
    let proxy = setup.start(&[&backend]);
    let admin = proxy.admin().to_string();
    let version =
        || shown_json(&admin, &["policy", "test"])["version"].as_str().expect("a version").to_owned();
    let before = version();
    let file = proxy.path("other.wasm");
    std::fs::write(&file, pointsman_policy::bundled("least-conn").expect("a bundled policy"))
        .expect("a file");
    let file = file.to_str().expect("a path");
    let (code, text) = run(&proxy, &["swap", "test", file, "--replaces", "000000000000"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&before), "{text}");
    let told_of_swap = done(&proxy, &["swap", "test", file]);
    let after = version();
    assert_ne!(after, before);
    assert_eq!(told_of_swap, format!("test: {after} serves\n"));
    // It is called as its file is, and it is known where it came from.
    let policy = shown_json(&admin, &["policy", "test"]);
    assert_eq!((&policy["name"], &policy["origin"]), (&"other".into(), &"uploaded other.wasm".into()));
    let mut scraping = Client::connect(proxy.admin());
    let scraped = scraping.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").response("GET").text();
    let info = scraped.lines().find(|line| line.starts_with("pointsman_policy_info{pool=\"test\""));
    let info = info.expect("the policy");
    assert!(info.contains("policy=\"other\"") && info.contains("source=\"api\""), "{info}");
    assert_eq!(done(&proxy, &["rollback", "test"]), format!("test: {before} serves again\n"));
    assert_eq!(done(&proxy, &["swap", "test", "least-conn", "--replaces", &before]), told_of_swap);
    assert_eq!(shown_json(&admin, &["policy", "test"])["name"], "least-conn", "not what the file says");
    let (code, text) = run(&proxy, &["swap", "test", "nonesuch"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nonesuch"), "{text}");

    let addresses: [SocketAddr; 1] = [backend.address()];
    let good = setup.configuration(&addresses);
    proxy.rewrite(&good.replace("round-robin", "nonesuch"));
    let (code, text) = run(&proxy, &["reload"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the one before it serves on") && text.contains("pointsman.toml:"), "{text}");
    proxy.rewrite(&good.replace("b0", "b9"));
    let text = done(&proxy, &["reload"]);
    assert!(text.contains("configuration 2 of pointsman.toml serves"), "{text}");
    assert!(done(&proxy, &["backends"]).contains("test/b9"));
}
