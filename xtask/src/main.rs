//! The project's own commands, for a machine that has Rust and a C compiler and nothing else.
//!
//! This program has no dependencies, so that the first command starts at once. What measures is the package `measure`, built
//! when it is asked for.

#![forbid(unsafe_code)]

mod api;
mod beside;
mod cargo;
mod checks;
mod dist;
mod h2spec;
mod image;
mod probe;
mod program;
mod semver;
mod vendor;
mod wasm_target;

use std::process::ExitCode;

const HELP: &str = "\
Sets up what is missing, then runs, tests or measures Pointsman.

Usage: cargo xtask COMMAND

Commands:
  demo [--exit]     Run the demonstration: three backends, the proxy, and a policy swapped under load
  test [CHECK...]   Pass the checks of every change, or only those named: format, lints, tests, models, Miri, documentation
  test --all        Pass these, and hold the SDK against the last release and the instructions of a request against those on record: as CI does
  bench             Measure Pointsman beside nginx and HAProxy on this machine
  instructions      Count the instructions of a request, and fail if they have grown
  api               Run Schemathesis against the admin API, by its own document; skipped where it isn't installed
  h2spec            Run h2spec against the proxy, over TLS and in clear; skipped where it isn't installed
  oracles           Simulate what has a known result, and fail if another one comes: about ten minutes
  semver [--against REVISION]
                    Hold the SDK's public interface against the last release, by cargo-semver-checks
  pgo               Build target/pgo/pointsman, fitted to its own traffic: faster, and many minutes' work
  dist [--untrained]
                    Leave in target/dist what is given to others: that program, its debug information, Debian's package, checksums
  image [--program FILE]
                    Build the image around a program that is there, run it and stop it; skipped without buildah and podman
  vendor            Pack the crates that the SDK needs for `pointsman policy new`, after a change of Cargo.lock
  help              Print this

`cargo xtask bench --help` and `cargo xtask instructions --help` say what these take.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        [] => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
        ["help" | "--help" | "-h", ..]
        | [
            "demo" | "test" | "api" | "h2spec" | "dist" | "image" | "semver" | "vendor",
            "--help" | "-h",
            ..,
        ] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["demo", rest @ ..] => demo(rest),
        ["test", only @ ..] => wasm_target::ensure().and_then(|()| checks::run(only)),
        ["dist", rest @ ..] => wasm_target::ensure().and_then(|()| dist::run(rest)),
        ["image", rest @ ..] => wasm_target::ensure().and_then(|()| image::run(rest)),
        ["api"] => api::run(),
        ["h2spec"] => h2spec::run(),
        ["semver", rest @ ..] => semver::run(rest),
        ["bench" | "instructions" | "oracles" | "pgo", ..] => measure(&arguments),
        ["vendor"] => vendor::run(),
        [unknown, ..] => {
            eprintln!("xtask: there is no command `{unknown}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo(arguments: &[&str]) -> Result<(), String> {
    wasm_target::ensure()?;
    eprintln!(
        "xtask: building Pointsman for the demonstration (the first time, its libraries too: about three minutes on two cores)"
    );
    // The profile of the tests: it is built in half the time of a release, and `cargo xtask test` finds it there. Not
    // `cargo run`: its own last words would stand below those of the demonstration.
    cargo::run(&["build", "--locked", "--package", "pointsman", "--bin", "pointsman"], &[])?;
    cargo::run_program("debug/pointsman", &[&["demo"], arguments].concat())
}

fn measure(arguments: &[&str]) -> Result<(), String> {
    wasm_target::ensure()?;
    cargo::run_measure(arguments, &[])
}
