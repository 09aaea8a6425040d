//! `cargo xtask dist`: what is given to others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::program::ask;

/// The shells that a package brings completions for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Leaves in `target/dist` the program, the debug information split off it, Debian's package and the checksums of all three.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let revision = revision();
    let environment = [("POINTSMAN_REVISION", revision.as_str())];
    let built = match arguments {
        [] => trained(&environment)?,
        ["--untrained"] => untrained(&environment)?,
        _ => return Err("dist takes nothing but --untrained".to_owned()),
    };
    let folder = cargo::target_directory().join("dist");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let program = split(&built, &folder)?;
    write_pages(&program, &folder.join("package"))?;
    let mut files = vec!["pointsman".to_owned(), "pointsman.debug".to_owned()];
    files.extend(package(&folder)?);
    let sums = ask(Command::new("sha256sum").args(&files).current_dir(&folder))?;
    fs::write(folder.join("SHA256SUMS"), &sums)
        .map_err(|error| format!("cannot write the checksums: {error}"))?;
    print!("{sums}");
    eprintln!("xtask: dist: all of it is in {}", folder.display());
    Ok(())
}

/// What the program is built from, for its `build_info`: what the environment says, or git; empty where neither does.
fn revision() -> String {
    std::env::var("POINTSMAN_REVISION").unwrap_or_else(|_| {
        let mut git = Command::new("git");
        git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
        ask(git.current_dir(cargo::root())).unwrap_or_default().trim().to_owned()
    })
}

/// The program of `cargo xtask pgo`.
fn trained(environment: &[(&str, &str)]) -> Result<PathBuf, String> {
    cargo::run_measure(&["pgo"], environment)?;
    Ok(cargo::target_directory().join("pgo/pointsman"))
}

/// The same without its training: some percent slower, in a third of the time.
fn untrained(environment: &[(&str, &str)]) -> Result<PathBuf, String> {
    let version = cargo::ask_rustc(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let work = cargo::target_directory().join("pgo-work");
    let work_text = work.to_str().ok_or("the target directory's name isn't UTF-8")?;
    eprintln!(
        "xtask: dist: building Pointsman with the profile dist, untrained (the first time takes some ten minutes)"
    );
    let profile = ["build", "--profile", "dist", "--target", host, "--target-dir", work_text, "--locked"];
    cargo::run(&[&profile[..], &["--package", "pointsman", "--bin", "pointsman"]].concat(), environment)?;
    Ok(work.join(host).join("dist/pointsman"))
}

/// Copies a program into a folder and splits its debug information off. Names of functions stay, for backtraces.
fn split(built: &Path, folder: &Path) -> Result<PathBuf, String> {
    // Under another name first: one that runs can't be written to.
    let new = folder.join("pointsman.new");
    fs::copy(built, &new).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    ask(Command::new("objcopy")
        .args(["--only-keep-debug", "pointsman.new", "pointsman.debug"])
        .current_dir(folder))?;
    let link = ["--strip-debug", "--add-gnu-debuglink=pointsman.debug", "pointsman.new"];
    ask(Command::new("objcopy").args(link).current_dir(folder))?;
    let program = folder.join("pointsman");
    fs::rename(&new, &program)
        .map_err(|error| format!("cannot put {} in place: {error}", program.display()))?;
    Ok(program)
}

/// Has the program write its manual pages and completions.
fn write_pages(program: &Path, folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    ask(Command::new(program).arg("man").arg(folder.join("man")))?;
    let pages =
        fs::read_dir(folder.join("man")).map_err(|error| format!("there are no manual pages: {error}"))?;
    ask(Command::new("gzip").args(["--best", "--no-name"]).args(pages.flatten().map(|page| page.path())))?;
    for shell in SHELLS {
        let script = ask(Command::new(program).args(["completions", shell]))?;
        let file = folder.join(format!("pointsman.{shell}"));
        fs::write(&file, script).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

/// Makes Debian's package, and answers its name. Where there is no cargo-deb, none is made.
fn package(folder: &Path) -> Result<Option<String>, String> {
    if ask(Command::new("cargo-deb").arg("--version")).is_err() {
        eprintln!(
            "xtask: dist: SKIPPED Debian's package: there is no cargo-deb; `cargo install cargo-deb --locked` installs it"
        );
        return Ok(None);
    }
    // Packages of earlier versions aren't of this one.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            fs::remove_file(entry.path())
                .map_err(|error| format!("cannot remove an old package: {error}"))?;
        }
    }
    let output = folder.to_str().ok_or("the target directory's name isn't UTF-8")?;
    let made = [
        "deb",
        "--package",
        "pointsman",
        "--profile",
        "dist",
        "--no-build",
        "--no-strip",
        "--output",
        output,
    ];
    cargo::run(&made, &[])?;
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {output}: {error}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .into_iter()
        .find(|name| name.ends_with(".deb"))
        .map(Some)
        .ok_or_else(|| "cargo-deb has left no package".to_owned())
}
