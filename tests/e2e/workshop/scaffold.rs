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

/// Passes admission and its own scenarios.
fn is_sound(folder: &Path, plugin: &str) {
    for arguments in [["policy", "check", plugin], ["policy", "test", plugin]] {
        let (code, said, told) = pointsman_in(folder, &arguments);
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
    let (code, said, told) = pointsman_in(&folder, &["simulate", "simulate.toml", "--seeds", "1"]);
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");

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
    assert_eq!(proxy.client().get("/").status(), 200);
}

/// A language's build command, with what its tools need on a machine whose home isn't theirs.
fn build(folder: &Path, command: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-euc", command]).current_dir(folder);
    // An older Go would ask the network for a newer one.
    shell.env("GOTOOLCHAIN", "local").env("ZIG_GLOBAL_CACHE_DIR", folder.join("cache"));
    let output = shell.output().expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command}\n{}{}", text(&output.stdout), text(&output.stderr));
}

/// What `policy doctor` says of a language's tools, if they are here.
fn tools(language: &str) -> Option<String> {
    let (code, said, _) = pointsman_in(Path::new("."), &["policy", "doctor", "--lang", language]);
    if code != Some(0) {
        println!("skipped: {said}");
        return None;
    }
    Some(said)
}

/// Makes, builds and judges all policies of a language whose tools are here.
fn all_of(language: &str) {
    let Some(said) = tools(language) else { return };
    let zig = if said.contains("`python3 -m ziglang`") { "python3 -m ziglang" } else { "zig" };
    for like in ["round-robin", "p2c", "hash"] {
        let parent = tempfile::tempdir().expect("a folder");
        let said = made(parent.path(), &["canary", "--lang", language, "--like", like]);
        let command = said.lines().nth(2).expect("the build command").trim();
        let command = command.replace("zig build-exe", &format!("{zig} build-exe"));
        let plugin = said.lines().nth(4).and_then(|line| line.split_whitespace().last()).expect("the plugin");
        let folder = parent.path().join("canary");
        build(&folder, &command);
        is_sound(&folder, plugin);
    }
}

#[test]
fn policies_in_c_are_made_built_and_sound() {
    all_of("c");
}

#[test]
fn policies_in_cpp_are_made_built_and_sound() {
    all_of("cpp");
}

#[test]
fn policies_in_zig_are_made_built_and_sound() {
    all_of("zig");
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

#[test]
fn a_saved_policy_is_built_checked_tested_and_swapped() {
    if tools("c").is_none() {
        return;
    }
    let parent = tempfile::tempdir().expect("a folder");
    made(parent.path(), &["canary", "--lang", "c"]);
    let folder = parent.path().join("canary");
    let dev = || pointsman_in(&folder, &["policy", "dev", "--once"]);
    let states = |said: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        said.lines().filter(|line| !line.starts_with(' ')).map(words).collect()
    };
    // Nothing listens there: the folder's proxy isn't there yet.
    let config = with_free_addresses(&folder);
    fs::write(
        folder.join("pointsman.toml"),
        config.replace("[admin]\naddress = \"127.0.0.1:0\"", "[admin]\naddress = \"127.0.0.1:1\""),
    )
    .expect("a configuration");
    let (code, said, told) = dev();
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");
    assert_eq!(states(&said), ["build ok", "check ok", "test ok", "swap skipped"], "{said}");

    // One that doesn't follow the file.
    let plugin = folder.join("build/canary.wasm");
    let first = parent.path().join("first.wasm");
    fs::copy(&plugin, &first).expect("a copy");
    let proxy = Proxy::start(&config.replace("build/canary.wasm", first.to_str().expect("a path")));
    let asked = config
        .replace("[admin]\naddress = \"127.0.0.1:0\"", &format!("[admin]\naddress = \"{}\"", proxy.admin()));
    fs::write(folder.join("pointsman.toml"), asked).expect("a configuration");
    let source = folder.join("policy.c");
    let good = fs::read_to_string(&source).expect("the source");
    let other = good.replace("pointsman_weight(other) <", "pointsman_weight(other) <=");
    assert_ne!(other, good);
    fs::write(&source, other).expect("the source");
    let (code, said, told) = dev();
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");
    assert_eq!(states(&said), ["build ok", "check ok", "test ok", "swap ok"], "{said}");
    proxy.log.wait_for("policy-swapped");

    for (bad, failed) in [
        (good.replace("POINTSMAN_INIT", "POINTSMAN_INTI"), "build FAILED"),
        (good.replace("POINTSMAN_INIT { return 0; }", "POINTSMAN_INIT { return 5; }"), "check FAILED"),
        (
            good.replace("POINTSMAN_BACKEND(second >= 0", "POINTSMAN_REJECT(503); (void)(second >= 0"),
            "test FAILED",
        ),
    ] {
        fs::write(&source, &bad).expect("the source");
        let (code, said, _) = dev();
        assert_eq!((code, states(&said).last().map(String::as_str)), (Some(1), Some(failed)), "{said}");
        assert!(said.lines().last().is_some_and(|line| line.starts_with("  ")), "the reason: {said}");
    }
    assert_eq!(proxy.client().get("/").status(), 200);
}
