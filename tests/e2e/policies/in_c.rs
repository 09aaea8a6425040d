//! Policies written in C and C++ against the header that states the contract.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Backend, Proxy};

/// Compiles the policy as its first comment says. `None` without a clang that can.
fn compiled(directory: &Path, source: &str, language: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = directory.join("policy.wasm");
    let output = Command::new("clang")
        .args(["--target=wasm32", "-O2", "-Wall", "-Wextra", "-Werror", "-nostdlib"])
        .args(["-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-zstack-size=16384", "-I"])
        .arg(root.join("plugin-sdk/include"))
        .args(language)
        .arg("-o")
        .args([&file, &root.join("tests/guests").join(source)])
        .output();
    let complaint = match output {
        Ok(output) if output.status.success() => return Some(file),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let is_missing = ["No such file", "wasm-ld", "unable to create target", "No available targets"];
    assert!(is_missing.iter().any(|sign| complaint.contains(sign)), "{complaint}");
    println!("skipped: no clang for WebAssembly here: {complaint}");
    None
}

#[test]
fn a_policy_in_c_serves_the_backend_that_the_request_names() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(file) = compiled(directory.path(), "c/pinned_canary.c", &[]) else { return };
    let backends = ["a", "b", "c"].map(Backend::named);
    let policy = format!("{{ file = \"{}\" }}", file.display());
    let proxy = Proxy::with_pool(&policy, &backends.each_ref(), "");
    let mut client = proxy.client();
    for (name, answer) in [("b0", "a"), ("b1", "b"), ("b2", "c")] {
        for _ in 0..5 {
            assert_eq!(client.get_with("/", &format!("X-Backend: {name}\r\n")).text(), answer);
        }
    }
    for headers in ["", "X-Backend: nonesuch\r\n", "X-Backend:\r\n"] {
        let seen: String = (0..60).map(|_| client.get_with("/", headers).text()).collect();
        assert!(["a", "b", "c"].iter().all(|name| seen.contains(name)), "{headers:?}: {seen}");
    }
    assert!(proxy.log.events("policy-faulted").is_empty());

    // It takes no configuration, and says so.
    let policy = format!("{{ file = \"{}\", config = {{ a = 1 }} }}", file.display());
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\npolicy = {policy}\nbackends = [\"127.0.0.1:1\"]\n"
    );
    let output = Proxy::run_to_end(&["run"], &config);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("pointsman.toml:4: pool.test.policy: "), "{complaint}");
    assert!(complaint.contains("remove the pool's policy.config table"), "{complaint}");
}

#[test]
fn constructors_of_cpp_run_once_and_not_with_each_pick() {
    let directory = tempfile::tempdir().expect("a directory");
    let language = ["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"];
    let Some(file) = compiled(directory.path(), "cpp/in_turn.cpp", &language) else { return };
    let backends = ["a", "b", "c"].map(Backend::named);
    let policy = format!("{{ file = \"{}\" }}", file.display());
    let proxy = Proxy::with_pool(&policy, &backends.each_ref(), "");
    let mut client = proxy.client();
    let answers: Vec<String> = (0..6).map(|_| client.get("/").text()).collect();
    assert_eq!(answers.concat(), "cabcab");
}
