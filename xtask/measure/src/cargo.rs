//! Running cargo and its compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The workspace.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs cargo in the workspace and fails if it does.
pub(crate) fn run<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    environment: &[(&str, &str)],
) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).envs(environment.iter().copied());
    command.current_dir(ROOT);
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("failed: {command:?}");
    }
    Ok(())
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| PathBuf::from(ROOT).join("target"))
}

/// What every build of Pointsman says of what is built.
pub(crate) const THE_PROGRAM: [&str; 6] =
    ["--locked", "--quiet", "--package", "pointsman", "--bin", "pointsman"];

/// Builds Pointsman with a profile other than `dev`; answers where it is.
pub(crate) fn build_pointsman(profile: &str) -> Result<PathBuf> {
    eprintln!("xtask: building Pointsman with the profile {profile} (the first time takes some minutes)");
    run(["build", "--profile", profile].into_iter().chain(THE_PROGRAM), &[])?;
    target_directory()
        .join(profile)
        .join("pointsman")
        .canonicalize()
        .context("cargo puts its builds elsewhere")
}

/// What the compiler in use says.
pub(crate) fn ask_rustc(question: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(question).output().context("cannot ask rustc")?;
    String::from_utf8(output.stdout).context("rustc answers in no known encoding")
}

/// Builds Pointsman as `counted.toml` says; answers where it is. It shares the libraries of the tests' build, but not the place of its
/// program: that one stays what the tests run.
pub(crate) fn build_counted() -> Result<PathBuf> {
    eprintln!(
        "xtask: building Pointsman with its data path optimised (nine CPU minutes after the tests, on two cores five to ten)"
    );
    let settings = PathBuf::from(ROOT).join("xtask/measure/counted.toml");
    let settings = settings.to_str().context("the workspace's name isn't UTF-8")?;
    let shared = target_directory();
    std::fs::create_dir_all(&shared)?;
    let shared = shared.canonicalize()?;
    let own = shared.join("counted");
    let text =
        |path: &Path| path.to_str().map(str::to_owned).context("the target directory's name isn't UTF-8");
    let environment = [
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("CARGO_BUILD_BUILD_DIR", text(&shared)?),
        ("CARGO_TARGET_DIR", text(&own)?),
    ];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    run(["build", "--config", settings].into_iter().chain(THE_PROGRAM), &environment)?;
    Ok(own.join("debug/pointsman"))
}
