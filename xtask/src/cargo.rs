//! Running cargo, its compiler, and what it has built.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs cargo in the workspace and fails if it does.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).envs(environment.iter().copied()).current_dir(ROOT);
    finish(&mut command)
}

/// Whether there is Miri, which only nightly toolchains have.
pub(crate) fn has_miri() -> bool {
    let mut command = miri(&["--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs `cargo miri` in the workspace and fails if it does.
pub(crate) fn run_miri(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    finish(miri(arguments).envs(environment.iter().copied()))
}

/// `cargo miri` of the nightly toolchain: not of the one that has started this program.
fn miri(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "miri"]).args(arguments).current_dir(ROOT);
    command.env_remove("CARGO").env_remove("RUSTC");
    command
}

/// Runs the package `measure`, optimised: its load generator must not be what limits the contenders.
pub(crate) fn run_measure(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let run = ["run", "--quiet", "--locked", "--config", "profile.dev.package.measure.opt-level=2"];
    self::run(&[&run[..], &["--package", "measure", "--"], arguments].concat(), environment)
}

/// Runs the package `measure` unoptimised, with the libraries that `cargo test --workspace` has built. `--package` gives them other
/// features, and a third of them is compiled again.
pub(crate) fn run_measure_of_tests(arguments: &[&str]) -> Result<(), String> {
    run(&["build", "--quiet", "--locked", "--workspace", "--bin", "measure"], &[])?;
    run_program("debug/measure", arguments)
}

/// Runs a program that cargo has built, by its path in the target directory.
pub(crate) fn run_program(path: &str, arguments: &[&str]) -> Result<(), String> {
    finish(Command::new(target_directory().join(path)).args(arguments))
}

/// The workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(ROOT)
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| PathBuf::from(ROOT).join("target"))
}

/// What the compiler in use says.
pub(crate) fn ask_rustc(question: &[&str]) -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(question).output();
    let output = output.map_err(|error| format!("cannot ask rustc: {error}"))?;
    String::from_utf8(output.stdout).map_err(|_| "rustc answers in no known encoding".to_owned())
}

/// Runs a program, and fails if it does.
pub(crate) fn finish(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if ExitStatus::success(&status) { Ok(()) } else { Err(format!("failed ({status}): {command:?}")) }
}
