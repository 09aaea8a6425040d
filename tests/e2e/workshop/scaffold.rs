//! `pointsman policy new`: from nothing to a swap.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::{Proxy, program};

/// Runs the program in a folder: exit code, standard output and standard error.
fn pointsman_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program()).args(arguments).current_dir(folder).output().expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Makes a policy, and answers what it said.
fn made(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, told) = pointsman_in(folder, &[&["policy", "new"], arguments].concat());
    assert_eq!((code, told.as_str()), (Some(0), ""));
    said
}

/// Passes admission and its own scenarios, and is simulated.
fn is_sound(folder: &Path, plugin: &str) {
    for arguments in [
        &["policy", "check", plugin][..],
        &["policy", "test", plugin],
        &["simulate", "simulate.toml", "--seeds", "1"],
    ] {
        let (code, said, told) = pointsman_in(folder, arguments);
        assert_eq!((code, told.as_str()), (Some(0), ""), "{arguments:?}\n{said}");
    }
}

/// The folder's configuration, with other addresses: no port of it may be somebody else's.
fn with_free_addresses(folder: &Path) -> String {
    let config = fs::read_to_string(folder.join("pointsman.toml")).expect("a configuration");
    let socket = |port: u32| (format!("127.0.0.1:{port}"), format!("unix:{}/{port}", folder.display()));
    let replaced = [9001, 9002, 9003].map(socket);
    let config = replaced.iter().fold(config, |config, (from, to)| config.replace(from, to));
    config.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:9901", "127.0.0.1:0")
}

/// Cargo as it is on a machine that was never online.
fn cargo(folder: &Path, home: &Path, arguments: &[&str]) {
    let mut cargo = Command::new("cargo");
    for (variable, _) in std::env::vars() {
        if variable.starts_with("CARGO") || variable.starts_with("RUST") && variable != "RUSTUP_HOME" {
            cargo.env_remove(variable);
        }
    }
    cargo.env("CARGO_HOME", home).env("CARGO_NET_OFFLINE", "true").args(arguments).current_dir(folder);
    let output = cargo.output().expect("cargo");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}\n{told}");
    assert!(!told.contains("warning"), "{arguments:?}\n{told}");
}

#[test]
fn a_policy_in_rust_is_made_built_without_a_network_and_swapped() {
    let (parent, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let said = made(parent.path(), &["canary"]);
    assert!(said.starts_with("canary/ has a policy in Rust, in src/lib.rs"), "{said}");
    let folder = parent.path().join("canary");
    let plugin = "target/wasm32-unknown-unknown/release/canary.wasm";
    assert!(said.contains("\n  cargo wasm\n") && said.contains(plugin), "{said}");
    cargo(&folder, home.path(), &["wasm", "--locked"]);
    is_sound(&folder, plugin);

    let config = with_free_addresses(&folder);
    // The proxy's own folder is another one.
    let config = config.replace(plugin, folder.join(plugin).to_str().expect("a path"));
    let proxy = Proxy::start(&config);
    let seen: String = (0..60).map(|_| proxy.client().get("/").text()).collect();
    assert!(["a", "b", "c"].iter().all(|name| seen.contains(name)), "{seen}");

    // Saved and built again: that is all.
    let source = folder.join("src/lib.rs");
    let text = fs::read_to_string(&source).expect("the source");
    fs::write(&source, text.replace("choices: 2 }", "choices: 3 }")).expect("the source");
    cargo(&folder, home.path(), &["wasm", "--locked"]);
    proxy.log.wait_for("policy-swapped");
    assert_eq!(proxy.client().get("/").status, 200);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_written() {
    let parent = tempfile::tempdir().expect("a folder");
    fs::create_dir(parent.path().join("there")).expect("a folder");
    for (arguments, code, message) in [
        (&["there"][..], 1, "there is there already: choose another name, or move it away"),
        (&["Canary"], 2, "a policy's name has 1 to 64 lower-case letters"),
        (&["../canary"], 2, "as in `my-policy`"),
        (&["serde"], 2, "built with a crate of this name"),
        (&["struct"], 2, "Rust has this word for itself"),
        (&["canary", "--lang", "cobol"], 2, "[possible values: rust"),
        (&["canary", "--like", "best"], 2, "[possible values: round-robin, p2c, hash]"),
    ] {
        let (found, said, told) = pointsman_in(parent.path(), &[&["policy", "new"], arguments].concat());
        assert_eq!((found, said.as_str()), (Some(code), ""), "{told}");
        assert!(told.contains(message), "{told}");
    }
    let left: Vec<_> = fs::read_dir(parent.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
