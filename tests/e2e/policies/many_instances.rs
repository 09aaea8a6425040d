//! Very many instances: each worker has one of each policy.

use std::fmt::Write;
use std::process::Command;

use harness::{Backend, Proxy, choose, constant, guest};

/// Its memory grows and has data: what was written must be there after it was moved.
const GROWING: &str = r#"(data (i32.const 100) "\07")
    (func (export "pointsman_pick") (result i64)
        (i32.store (i32.const 65532) (i32.load8_u (i32.const 100)))
        (if (i32.lt_u (memory.size) (i32.const 40)) (then (drop (memory.grow (i32.const 3)))))
        (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 1))
        (if (i32.ne (i32.load (i32.const 65532)) (i32.const 7)) (then unreachable))
"#;

fn configuration(pools: usize, workers: usize, backends: [&Backend; 2]) -> String {
    let [a, b] = backends.map(Backend::address);
    let mut config = format!("workers = {workers}\n[[listener]]\naddress = \"127.0.0.1:0\"\n");
    for pool in 0..pools {
        let _ = write!(
            config,
            "[[route]]\npath = \"/{pool}/\"\npool = \"p{pool}\"\n\
             [pool.p{pool}]\npolicy = {{ file = \"p.wasm\" }}\nbackends = [\"{a}\", \"{b}\"]\n"
        );
    }
    config
}

/// A command that starts the proxy with a limit of the address space, in KiB.
fn limited(kib: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" run")]).arg(harness::program());
    command
}

#[test]
fn a_proxy_with_little_address_space_starts_and_serves() {
    let backends = ["a", "b"].map(Backend::named);
    let [a, b] = &backends;
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("p.wasm"), guest(&format!("{GROWING} {})", choose(0))))
        .expect("a plugin");
    // 320 instances, of which two would take it all if each reserved 4 GiB.
    let proxy = Proxy::start_by(limited(8_000_000), directory, &configuration(20, 16, [a, b]));
    let mut client = proxy.client();
    for round in 0..100 {
        assert_eq!(client.get(&format!("/{}/", round % 20)).text(), "a");
    }
    assert!(proxy.log.events("policy-faulted").is_empty());
}

#[test]
fn where_even_that_is_too_much_the_limit_and_the_remedy_are_named() {
    let backends = ["a", "b"].map(Backend::named);
    let [a, b] = &backends;
    let directory = tempfile::tempdir().expect("a directory");
    // 128 KiB at the least, and 3,200 instances.
    std::fs::write(directory.path().join("p.wasm"), constant(0, 0)).expect("a plugin");
    let config = configuration(400, 8, [a, b]);
    std::fs::write(directory.path().join("pointsman.toml"), config).expect("a configuration");
    let output = limited(600_000).current_dir(directory.path()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in ["no memory for another instance", "`ulimit -v`", "`vm.max_map_count`", "`workers`"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}
