//! Every check that a change must pass, in the order in which they fail fastest, but for those that take what the tests leave of the machine.

use std::time::Instant;

use crate::beside::Beside;
use crate::{cargo, image, semver};

struct Check {
    name: &'static str,
    what: &'static str,
    tool: Tool,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// What runs a check.
#[derive(Clone, Copy)]
enum Tool {
    Cargo,
    /// `cargo test`, beside which others run: a quarter of the time it waits.
    Tests,
    /// `cargo miri` of a nightly toolchain; where there is none, the check is skipped.
    Miri,
    /// `cargo xtask` of what the package `measure` does.
    Measure,
    /// `cargo xtask image`; it is skipped where there is nothing to build and run images with.
    Image,
    /// `cargo xtask semver`; it is skipped before the first release.
    Semver,
}

/// Those that run beside the tests if both are wanted, one after the other: they wait for the same lock of the target directory. Not the
/// count of instructions: its requests have to come through in time, which nothing of the least priority has on a machine that tests
/// keep busy. But the program for it is built there.
const BESIDE_TESTS: [&str; 3] = ["lints", "docs", "counted-program"];

/// Those that run only if they are named, or all are wanted: they compile the program once more, optimised, which takes more than a third
/// of the time of all, or a tool of some hundred crates.
const COSTLY: [&str; 3] = ["counted-program", "instructions", "semver"];

/// Stands for all checks, the costly ones too.
const ALL: &str = "--all";

const CHECKS: [Check; 10] = [
    Check {
        name: "format",
        what: "rustfmt",
        tool: Tool::Cargo,
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Check {
        name: "lints",
        what: "clippy over everything, warnings are errors",
        tool: Tool::Cargo,
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        environment: &[],
    },
    Check {
        name: "guest-lints",
        what: "clippy over the SDK, the bundled policies and the gallery as WebAssembly",
        tool: Tool::Cargo,
        arguments: &[
            "clippy",
            "--locked",
            "--target",
            "wasm32-unknown-unknown",
            "--package",
            "pointsman-sdk",
            "--package",
            "round-robin",
            "--package",
            "least-conn",
            "--package",
            "ip-hash",
            "--package",
            "peak-ewma",
            "--package",
            "random",
            "--package",
            "ring-hash",
            "--package",
            "maglev",
            "--package",
            "first",
            "--package",
            "least-time",
            "--package",
            "priority",
            "--package",
            "zone-aware",
            "--package",
            "aperture",
            "--package",
            "prequal",
            "--package",
            "policy-parts",
            "--package",
            "room-affinity",
            "--package",
            "user-affinity",
            "--package",
            "document-affinity",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Check {
        name: "tests",
        what: "unit tests, native policy tests, end-to-end tests, loom's models, documentation examples",
        tool: Tool::Tests,
        arguments: &["test", "--workspace", "--locked"],
        environment: &[],
    },
    Check {
        name: "image",
        what: "the image of deploy/Containerfile serves, read-only and without capabilities, and drains",
        tool: Tool::Image,
        arguments: &[],
        environment: &[],
    },
    Check {
        name: "semver",
        what: "cargo-semver-checks: the SDK's version says what has changed since the last release",
        tool: Tool::Semver,
        arguments: &[],
        environment: &[],
    },
    Check {
        name: "miri",
        what: "Miri: the SDK's unsafe code",
        tool: Tool::Miri,
        arguments: &["test", "--quiet", "--locked", "--package", "pointsman-sdk", "--lib", "proxy::"],
        environment: &[],
    },
    Check {
        name: "docs",
        what: "rustdoc, warnings are errors",
        tool: Tool::Cargo,
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Check {
        name: "counted-program",
        what: "the program whose instructions are counted can be built",
        tool: Tool::Measure,
        arguments: &["instructions", "--build-only"],
        environment: &[],
    },
    Check {
        name: "instructions",
        what: "a request costs no more instructions than on record",
        tool: Tool::Measure,
        arguments: &["instructions"],
        environment: &[],
    },
];

/// Runs the checks named, or all but the costly ones.
pub(crate) fn run(only: &[&str]) -> Result<(), String> {
    let chosen = chosen(only)?;
    let has_tests = chosen.iter().any(|check| matches!(check.tool, Tool::Tests));
    let is_beside = |check: &Check| has_tests && BESIDE_TESTS.contains(&check.name);
    let beside: Vec<&str> = chosen.iter().filter(|check| is_beside(check)).map(|check| check.name).collect();
    for (place, check) in chosen.iter().enumerate().filter(|(_, check)| !is_beside(check)) {
        eprintln!("xtask: [{}/{}] {}: {}", place + 1, chosen.len(), check.name, check.what);
        let began = Instant::now();
        let threads = test_threads();
        let environment = [check.environment, &[("RUST_TEST_THREADS", threads.as_str())]].concat();
        match check.tool {
            Tool::Cargo => cargo::run(check.arguments, &environment)?,
            Tool::Tests => tests(check.arguments, &environment, &beside)?,
            Tool::Measure => cargo::run_measure_of_tests(check.arguments)?,
            Tool::Image => image::run(check.arguments)?,
            Tool::Semver => semver::run(check.arguments)?,
            Tool::Miri if cargo::has_miri() => cargo::run_miri(check.arguments, &environment)?,
            Tool::Miri => {
                eprintln!(
                    "xtask: [{}/{}] {}: SKIPPED: there is no Miri; install it with \
                     `rustup toolchain install nightly --component miri,rust-src`",
                    place + 1,
                    chosen.len(),
                    check.name
                );
                continue;
            }
        }
        eprintln!(
            "xtask: [{}/{}] {}: passed in {:.0?}",
            place + 1,
            chosen.len(),
            check.name,
            began.elapsed()
        );
    }
    eprintln!("xtask: all checks passed");
    Ok(())
}

/// The checks that are meant.
fn chosen(only: &[&str]) -> Result<Vec<&'static Check>, String> {
    let is_known = |name: &str| name == ALL || CHECKS.iter().any(|check| check.name == name);
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        return Err(format!("there is no check `{unknown}`; there are: {}, and {ALL}", names.join(", ")));
    }
    let is_meant = |check: &&Check| match only {
        [] => !COSTLY.contains(&check.name),
        _ => only.contains(&ALL) || only.contains(&check.name),
    };
    Ok(CHECKS.iter().filter(is_meant).collect())
}

/// Runs the tests, and other checks beside them.
fn tests(arguments: &[&str], environment: &[(&str, &str)], beside: &[&str]) -> Result<(), String> {
    cargo::run(&[arguments, &["--no-run"]].concat(), environment)?;
    let beside = Beside::start(beside)?;
    let tested = cargo::run(arguments, environment);
    // Whatever the tests say: nothing goes on when this program has ended.
    let others = beside.finish();
    tested.and(others)
}

/// The end-to-end tests wait three times as long as they compute, so there are more of them at a time than CPUs;
/// `RUST_TEST_THREADS` says otherwise.
fn test_threads() -> String {
    std::env::var("RUST_TEST_THREADS").unwrap_or_else(|_| {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        (2 * cpus + cpus.div_ceil(2)).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Vec<&'static str> {
        chosen(only).expect("they are known").iter().map(|check| check.name).collect()
    }

    #[test]
    fn costly_checks_run_only_if_they_are_meant() {
        assert!(names(&[]).contains(&"lints") && COSTLY.iter().all(|costly| !names(&[]).contains(costly)));
        assert_eq!(names(&[ALL]).len(), CHECKS.len());
        assert_eq!(names(&["instructions", "format"]), ["format", "instructions"]);
        let error = chosen(&["lint"]).err().expect("it is unknown");
        assert!(
            error.starts_with("there is no check `lint`; there are: format, lints, ") && error.ends_with(ALL),
            "{error}"
        );
    }

    #[test]
    fn every_name_is_that_of_a_check() {
        for name in BESIDE_TESTS.iter().chain(&COSTLY) {
            assert!(CHECKS.iter().any(|check| check.name == *name), "{name}");
        }
    }
}
