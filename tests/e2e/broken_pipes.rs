//! Commands whose output nobody reads to its end, as in `pointsman check | head -1`.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use harness::constant;

const GOOD: &str = "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.api]\nbackends = [\"127.0.0.1:1\"]\n";

/// A folder with a configuration and plugins, good and bad ones.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let write =
        |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).expect("a file");
    write("pointsman.toml", GOOD.as_bytes());
    write("bad.toml", b"workers = 0\nnonsense = 1\n");
    write("mine.wasm", &constant(0, 0));
    write("bad.wasm", b"nothing");
    folder
}

/// What ends with 0 and what ends with 1.
const COMMANDS: [(&[&str], i32); 6] = [
    (&["check"], 0),
    (&["policy", "list"], 0),
    (&["policy", "check", "mine.wasm"], 0),
    (&["check", "--config", "bad.toml"], 1),
    (&["run", "--config", "bad.toml"], 1),
    (&["policy", "check", "bad.wasm"], 1),
];

fn run(arguments: &[&str], folder: &Path, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Output {
    let mut command = Command::new(harness::program());
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let child = command.spawn().expect("the program");
    drop(command);
    child.wait_with_output().expect("its output")
}

/// A pipe whose reader has left.
fn nobody() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a full disk").into()
}

#[test]
fn commands_end_the_same_without_a_reader() {
    let folder = folder();
    for (arguments, code) in COMMANDS {
        let output = run(arguments, folder.path(), nobody(), nobody());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let output = run(arguments, folder.path(), nobody(), Stdio::piped());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{arguments:?}: {output:?}");
        let output = run(arguments, folder.path(), Stdio::piped(), nobody());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let output = run(arguments, folder.path(), Stdio::piped(), full());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["serve"]] {
        let output = run(arguments, folder.path(), nobody(), nobody());
        assert!([Some(0), Some(2)].contains(&output.status.code()), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_result_that_is_lost_is_a_failure() {
    let folder = folder();
    for (arguments, _) in COMMANDS.iter().filter(|(_, code)| *code == 0) {
        let output = run(arguments, folder.path(), full(), Stdio::piped());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.starts_with("pointsman: cannot write to standard output: No space left"), "{told}");
    }
}

#[test]
fn a_demonstration_without_a_reader_continues() {
    let folder = folder();
    let output = run(&["demo", "--exit"], folder.path(), nobody(), Stdio::piped());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
