//! The crates that the SDK needs, packed for `pointsman policy new`.
//!
//! A policy's new crate has to build without a network, so they come with the program. They are packed here, once for each change of
//! `Cargo.lock`, and not while the program is built: a build must not depend on what the builder's registry has kept as sources, and the
//! packed file can be looked at. A test of `pointsman-workshop` holds it against `Cargo.lock`. Needs GNU tar and zstd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;

/// Where the archive is kept, from the workspace.
const KEPT: &str = "host/workshop/crates";

/// What no build needs. Licences and read-me files, which are parts of the documentation, stay.
const UNNEEDED: [&str; 10] = [
    ".github",
    ".gitignore",
    ".gitattributes",
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml.orig",
    "benches",
    "examples",
    "fuzz",
    "tests",
];

/// Packs them anew.
pub(crate) fn run() -> Result<(), String> {
    let root = cargo::root();
    let work = cargo::target_directory().join("vendor");
    let crates = work.join("crates");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(failed(&work))?;
    }
    fs::create_dir_all(&work).map_err(failed(&work))?;
    write(&work.join("Cargo.toml"), &manifest(root)?)?;
    write(&work.join("lib.rs"), "")?;
    fs::copy(root.join("Cargo.lock"), work.join("Cargo.lock")).map_err(failed(&work))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    finish(Command::new(cargo).args(["vendor", "--quiet", "crates"]).current_dir(&work))?;
    for folder in entries(&crates)? {
        prune(&folder)?;
    }

    let kept = root.join(KEPT);
    let archive = work.join("crates.tar");
    // The same crates have to give the same file.
    let same = ["--format=ustar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    finish(
        Command::new("tar")
            .args(same)
            .args(["--mode=u=rwX,go=rX", "-cf"])
            .arg(&archive)
            .args(["-C", "crates", "."])
            .current_dir(&work),
    )?;
    finish(
        Command::new("zstd")
            .args(["--quiet", "--force", "--ultra", "-22"])
            .arg(&archive)
            .arg("-o")
            .arg(kept.join("crates.tar.zst")),
    )?;
    let lock = fs::read_to_string(work.join("Cargo.lock")).map_err(failed(&work))?;
    write(&kept.join("crates.lock"), &registry_packages(&lock))
}

/// A package with the SDK's dependencies, as the workspace has them.
fn manifest(root: &Path) -> Result<String, String> {
    let read = |path: &str| fs::read_to_string(root.join(path)).map_err(failed(&root.join(path)));
    let (sdk, workspace) = (read("plugin-sdk/Cargo.toml")?, read("Cargo.toml")?);
    let mut manifest = String::from(
        "[package]\nname = \"vendor\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n",
    );
    let dependencies = sdk.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    for line in dependencies.lines().take_while(|line| !line.starts_with('[')) {
        let Some(name) = line.strip_suffix(".workspace = true") else { continue };
        let start = format!("{name} = ");
        let version = workspace.lines().find(|line| line.starts_with(&start));
        manifest.push_str(version.ok_or_else(|| format!("Cargo.toml has no {name}"))?);
        manifest.push('\n');
    }
    Ok(manifest)
}

/// Removes what no build needs, and its checksums.
fn prune(package: &Path) -> Result<(), String> {
    for name in UNNEEDED {
        let path = package.join(name);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false if path.exists() => fs::remove_file(&path),
            false => Ok(()),
        };
        removed.map_err(failed(&path))?;
    }
    let path = package.join(".cargo-checksum.json");
    let checksums = fs::read_to_string(&path).map_err(failed(&path))?;
    let misread = || format!("{}: not as cargo writes it", path.display());
    // {"files":{"PATH":"SHA256",…},"package":"SHA256"}
    let inner = checksums.strip_prefix("{\"files\":{").ok_or_else(misread)?;
    let (files, rest) = inner.split_once('}').ok_or_else(misread)?;
    let is_kept = |entry: &&str| {
        let name = entry.trim_start_matches('"').split('"').next().unwrap_or_default();
        package.join(name).is_file()
    };
    let left: Vec<&str> = files.split(',').filter(is_kept).collect();
    write(&path, &format!("{{\"files\":{{{}}}{rest}", left.join(",")))
}

/// The part of a lock file that is about packages of a registry.
fn registry_packages(lock: &str) -> String {
    let packages = lock.split("\n\n").filter(|package| package.contains("\nsource = "));
    packages.map(|package| format!("{}\n", package.trim())).collect::<Vec<_>>().join("\n")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed(folder))).collect()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.to_owned();
    move |error| format!("{}: {error}", path.display())
}

fn finish(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("failed ({status}): {command:?}")) }
}
