//! Policies written in Zig, AssemblyScript and Go against the files that state the contract for them.
//!
//! Each is built as its file in `plugin-sdk/include` says, and skipped where its compiler isn't installed: `zig` (or the module `ziglang`
//! of Python), `asc`, and `go` from 1.24 on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Backend, Proxy};

/// A folder with the policy's source and the contract's file for its language.
fn folder(source: &str, contract: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let contract_file =
        root.join("plugin-sdk/include").join(Path::new(contract).file_name().expect("a file"));
    let source_file = root.join("tests/guests").join(source);
    let place = directory.path().join(contract);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::copy(contract_file, place).expect("the contract");
    let name = source_file.file_name().expect("a name");
    fs::copy(&source_file, directory.path().join(name)).expect("the source");
    directory
}

/// Runs a compiler in the folder; whether there is one. A compiler that fails is an error.
fn ran(command: &mut Command, directory: &Path) -> bool {
    match command.current_dir(directory).output() {
        Ok(output) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            if complaint.contains("No module named") {
                return false;
            }
            assert!(output.status.success(), "{complaint}{}", String::from_utf8_lossy(&output.stdout));
            true
        }
        Err(_) => false,
    }
}

/// The file that was built, or why there is none.
fn built(language: &str, is_there: bool, directory: &Path) -> Option<PathBuf> {
    if !is_there {
        println!("skipped: no compiler for {language} here");
    }
    is_there.then(|| directory.join("policy.wasm"))
}

/// Starts a proxy with the policy: every backend gets requests, and nothing goes wrong.
fn serves(file: &Path) -> Proxy {
    let backends = ["a", "b", "c"].map(Backend::named);
    let policy = format!("{{ file = \"{}\" }}", file.display());
    let proxy = Proxy::with_pool(&policy, &backends.each_ref(), "");
    let mut client = proxy.client();
    // Of 60 draws one leaves a backend out once in 10 to the tenth.
    let seen: String = (0..60).map(|_| client.get("/").text()).collect();
    assert!(["a", "b", "c"].iter().all(|name| seen.contains(name)), "{seen}");
    assert!(proxy.log.events("policy-faulted").is_empty());
    proxy
}

#[test]
fn a_policy_in_zig_serves() {
    let directory = folder("zig/two_choices.zig", "pointsman.zig");
    let options = [
        "build-exe",
        "two_choices.zig",
        "-target",
        "wasm32-freestanding",
        "-O",
        "ReleaseSmall",
        "-fno-entry",
        "-rdynamic",
        "--stack",
        "16384",
        "-femit-bin=policy.wasm",
    ];
    let cache = directory.path().join("cache");
    let build = |command: &mut Command| {
        ran(command.args(options).env("ZIG_GLOBAL_CACHE_DIR", &cache), directory.path())
    };
    let is_there = build(&mut Command::new("zig")) || build(Command::new("python3").args(["-m", "ziglang"]));
    if let Some(file) = built("Zig", is_there, directory.path()) {
        serves(&file);
    }
}

#[test]
fn a_policy_in_assemblyscript_serves() {
    let directory = folder("assemblyscript/two_choices.ts", "pointsman.ts");
    let mut compiler = Command::new("asc");
    compiler.args(["two_choices.ts", "-o", "policy.wasm", "-O3", "--runtime", "minimal", "--debug"]);
    compiler.args(["--exportStart", "_initialize", "--use", "abort=pointsman/abort"]);
    let is_there = ran(&mut compiler, directory.path());
    if let Some(file) = built("AssemblyScript", is_there, directory.path()) {
        serves(&file);
    }
}

#[test]
fn a_policy_in_go_serves_and_logs_what_it_prints() {
    let directory = folder("go/two_choices.go", "pointsman/pointsman.go");
    fs::write(directory.path().join("go.mod"), "module guest\n\ngo 1.24\n").expect("a module");
    let mut compiler = Command::new("go");
    compiler.args(["build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", "policy.wasm", "."]);
    // An older compiler would ask the network for a newer one.
    compiler.envs([
        ("GOOS", "wasip1"),
        ("GOARCH", "wasm"),
        ("GOTOOLCHAIN", "local"),
        ("GOFLAGS", "-mod=mod"),
    ]);
    let is_there = is_new_enough() && ran(&mut compiler, directory.path());
    if let Some(file) = built("Go from 1.24 on", is_there, directory.path()) {
        let proxy = serves(&file);
        let printed = proxy.log.wait_for("policy-logged");
        assert!(printed.to_string().contains("two choices are ready"), "{printed}");
    }
}

/// Whether there is a Go that can export functions.
fn is_new_enough() -> bool {
    let output = Command::new("go").arg("version").env("GOTOOLCHAIN", "local").output();
    let version =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let minor = version
        .split("go1.")
        .nth(1)
        .and_then(|rest| rest.split(['.', ' ']).next())
        .and_then(|minor| minor.parse().ok());
    minor.is_some_and(|minor: u32| minor >= 24)
}
