//! cargo-semver-checks, which says whether the SDK's version tells its users what has changed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::cargo;

/// The one that is installed where there is none.
const VERSION: &str = "0.51.0";

/// Names of releases.
const RELEASES: &str = "v[0-9]*";

/// Holds the SDK's public interface against that of the last release, or of the revision that is named. Skipped before the first release.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let against = match arguments {
        [] => last_release(),
        ["--against", revision] => Some((*revision).to_owned()),
        _ => return Err("usage: cargo xtask semver [--against REVISION]".to_owned()),
    };
    let Some(against) = against else {
        eprintln!(
            "xtask: semver: SKIPPED: no tag `{RELEASES}` leads here, so that there is no release to compare with; \
             `cargo xtask semver --against REVISION` compares with any other commit"
        );
        return Ok(());
    };
    let program = installed()?;
    let mut command = Command::new(program);
    command
        .args(["semver-checks", "--package", "pointsman-sdk", "--baseline-rev", &against])
        .current_dir(cargo::root());
    cargo::finish(&mut command)
        .map_err(|error| format!("the SDK differs from {against} by more than its version says: {error}"))?;
    eprintln!("xtask: semver: the SDK's version says what has changed since {against}");
    Ok(())
}

/// The newest tag of a release that leads to this commit.
fn last_release() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", RELEASES]).current_dir(cargo::root());
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let tag = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !tag.is_empty()).then_some(tag)
}

/// The program: that of the user, or one in the target directory, which takes minutes to compile the first time.
fn installed() -> Result<PathBuf, String> {
    let own = PathBuf::from("cargo-semver-checks");
    let folder = cargo::target_directory().join("tools");
    let ours = folder.join("bin").join(&own);
    for program in [own, ours.clone()] {
        let mut command = Command::new(&program);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(program);
        }
    }
    eprintln!("xtask: semver: installing cargo-semver-checks {VERSION} into {}", folder.display());
    let folder = folder.to_str().ok_or("the target directory has a name that is no text")?;
    let install = ["install", "cargo-semver-checks", "--version", VERSION, "--locked", "--root", folder];
    cargo::run(&install, &[])?;
    Ok(ours)
}
