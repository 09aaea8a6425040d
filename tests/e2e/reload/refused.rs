//! Configurations that can't be served: named with their line, once, and the old one serves on.

use harness::{Backend, Client, LogLine, Proxy, constant};

use super::{config, pool, route};

/// Puts a text in place that is refused, and answers the first fault that is logged of it.
fn refuse(proxy: &Proxy, text: &str) -> LogLine {
    let before = ["configuration-refused", "configuration-kept"].map(|event| proxy.log.events(event).len());
    proxy.rewrite(text);
    // Logged behind all faults.
    proxy.log.wait_for_many("configuration-kept", before[1] + 1);
    proxy.log.events("configuration-refused").remove(before[0])
}

#[test]
fn a_broken_file_is_named_with_its_line_and_the_old_configuration_serves() {
    let backend = Backend::named("backend");
    let good = config(&pool("p", &[&backend], ""));
    let proxy = Proxy::start(&good);
    let mut client = proxy.client();
    for (text, expected) in [
        (format!("{good}nonsense = 1\n"), "pointsman.toml:8: pool.p.nonsense: unknown key `nonsense`; "),
        (format!("{good}[pool.q\n"), "pointsman.toml:8: "),
        (String::new(), "there is no listener"),
        (
            format!("{good}policy = \"nonesuch\"\n"),
            "pointsman.toml:8: pool.p.policy: there is no policy `nonesuch`",
        ),
        (
            format!("{good}policy = {{ name = \"peak-ewma\", config = {{ taw = \"5s\" }} }}\n"),
            "pointsman.toml:8: pool.p.policy: ",
        ),
    ] {
        let line = refuse(&proxy, &text);
        assert!(line.level() == "ERROR" && line.message().contains(expected), "{line}");
        assert_eq!(client.get("/").text(), "backend");
    }
    // Only a look that follows all events shows that nothing is said twice.
    let said = proxy.log.events("configuration-refused").len();
    std::fs::write(proxy.path("unrelated"), "").expect("a file");
    let line = refuse(&proxy, &format!("{good}nonsense = 2\n"));
    assert!(line.message().contains("nonsense"), "{line}");
    assert_eq!(proxy.log.events("configuration-refused").len(), said + 1);
    proxy.rewrite(&good);
    proxy.log.wait_for("configuration-restored");
    assert_eq!(client.get("/").text(), "backend");
}

#[test]
fn nothing_of_a_refused_configuration_takes_effect() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let proxy = Proxy::start(&config(&pool("p", &[&one], "")));
    let second = format!("[[listener]]\naddress = \"{address}\"\n");
    let next = config(&(second + &route("/", "q") + &pool("q", &[&two], "")));
    let line = refuse(&proxy, &next);
    let expected =
        format!("pointsman.toml:6: listener[1].address: cannot listen on {address}: Address already in use");
    assert!(line.message().contains(&expected), "{line}");
    assert_eq!(proxy.client().get("/").text(), "one");
    drop(taken);
    // The same text, and now it can be served.
    proxy.signal("HUP");
    proxy.log.wait_for("configuration-reloaded");
    assert_eq!(
        [proxy.address(), address].map(|address| Client::connect(address).get("/").text()),
        ["two", "two"]
    );
}

#[test]
fn a_configuration_that_waits_for_its_plugin_serves_when_it_comes() {
    let backends = [Backend::named("0"), Backend::named("1")];
    let backends = backends.each_ref();
    let proxy = Proxy::start(&config(&pool("p", &backends, "")));
    let line = refuse(&proxy, &config(&pool("p", &backends, "policy = { file = \"late.wasm\" }")));
    assert!(line.message().contains("pointsman.toml:7: pool.p.policy: cannot read the plugin"), "{line}");
    std::fs::write(proxy.path("late.wasm"), constant(1, 0)).expect("a plugin");
    proxy.log.wait_for("configuration-reloaded");
    assert_eq!([0, 1, 2].map(|_| proxy.client().get("/").text()), ["1", "1", "1"]);
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_applies() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let proxy = Proxy::start(&config(&pool("p", &[&one], "")));
    let next = config(&pool("p", &[&two], "")).replace("workers = 2", "workers = 3")
        + "[admin]\naddress = \"127.0.0.1:9901\"\n";
    proxy.reload(&next);
    assert_eq!(proxy.client().get("/").text(), "two");
    let said = proxy.log.wait_for_many("restart-required", 2);
    let workers = [("key", "workers"), ("runs", "2"), ("configured", "3")];
    assert!(said.iter().any(|line| line.has(&workers)), "{said:#?}");
    let admin = [("key", "admin.address"), ("runs", "none"), ("configured", "127.0.0.1:9901")];
    assert!(said.iter().any(|line| line.has(&admin)), "{said:#?}");
    // A reload of the same text says so, too.
    proxy.signal("HUP");
    proxy.log.wait_for("configuration-unchanged");
}
