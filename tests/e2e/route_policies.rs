//! A route can have a policy of its own over the backends that it shares with others.

use std::collections::BTreeSet;

use harness::{Backend, Proxy, constant};

#[test]
fn a_route_picks_with_its_own_policy_and_configuration() {
    let backends = [Backend::named("a"), Backend::named("b"), Backend::named("c")];
    let list: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect();
    let proxy = Proxy::start(&format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [[route]]\npath = \"/sticky\"\npool = \"all\"\npolicy = \"ip-hash\"\n\
         [[route]]\npath = \"/fast\"\npool = \"all\"\npolicy = {{ name = \"peak-ewma\", config = {{ tau = \"5s\" }} }}\n\
         [[route]]\npool = \"all\"\n\
         [pool.all]\npolicy = \"round-robin\"\nbackends = [{}]\n",
        list.join(", ")
    ));
    let seen =
        |path: &str| -> BTreeSet<String> { (0..12).map(|_| proxy.client().get(path).text()).collect() };
    assert_eq!(seen("/sticky").len(), 1, "one client, one backend");
    assert_eq!(seen("/").len(), 3, "round robin");
    assert!(seen("/fast").len() > 1);
}

#[test]
fn pools_and_routes_that_use_one_file_swap_together() {
    let backends = [Backend::named("0"), Backend::named("1")];
    let [a, b] = backends.each_ref().map(Backend::address);
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("p.wasm"), constant(0, 0)).expect("a plugin");
    let pool = format!("policy = {{ file = \"p.wasm\" }}\nbackends = [\"{a}\", \"{b}\"]\n");
    let proxy = Proxy::start_in(
        directory,
        &format!(
            "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
             [[route]]\npath = \"/one/\"\npool = \"one\"\n\
             [[route]]\npath = \"/own/\"\npool = \"two\"\npolicy = {{ file = \"p.wasm\" }}\n\
             [[route]]\npool = \"two\"\n[pool.one]\n{pool}[pool.two]\n{pool}"
        ),
    );
    let serves = || ["/one/", "/own/", "/"].map(|path| proxy.client().get(path).text());
    assert_eq!(serves(), ["0"; 3]);
    std::fs::write(proxy.path("next"), constant(1, 1)).expect("a file beside it");
    std::fs::rename(proxy.path("next"), proxy.path("p.wasm")).expect("the file is replaced");
    let lines = proxy.log.wait_for_many("policy-swapped", 3);
    assert_eq!(lines.iter().filter(|line| line.field("route") == Some("/own/")).count(), 1, "{lines:#?}");
    assert_eq!(serves(), ["1"; 3]);
}

#[test]
fn a_refused_route_policy_is_named_with_its_line() {
    let output = Proxy::run_to_end(
        &["check"],
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npool = \"all\"\n\
         policy = { name = \"peak-ewma\", config = { taw = \"5s\" } }\n[pool.all]\nbackends = [\"127.0.0.1:1\"]\n",
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("pointsman.toml:5: route[0].policy: "), "{errors}");
    assert!(errors.contains("taw"), "the guest's own words: {errors}");
}
