//! `cargo xtask pgo`: a Pointsman that the compiler has fitted to its own traffic (profile-guided optimisation).
//!
//! Built three times over: with counters, put through the scenarios of `cargo xtask bench`, and built again with what they
//! have counted. All of them: what isn't part of the traffic is taken for rarely used, and TLS and HTTP/2 are used as much as the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{bench, cargo};

/// Builds `target/pgo/pointsman`.
pub(crate) fn run() -> Result<()> {
    let compiler = Compiler::ask()?;
    let merge = compiler.profile_tool()?;
    let target = cargo::target_directory();
    let (work, counts) = (target.join("pgo-work"), target.join("pgo-counts"));
    if counts.exists() {
        fs::remove_dir_all(&counts).context("cannot remove the counts of an earlier run")?;
    }

    eprintln!("xtask: [1/3] building Pointsman with counters (the first time takes some ten minutes)");
    let counting = compiler.build(&work, &format!("-Cprofile-generate={}", counts.display()))?;
    eprintln!("xtask: [2/3] putting it through the benchmark's scenarios");
    bench::train(&counting)?;
    let merged = counts.join("merged.profdata");
    let raw: Vec<PathBuf> = fs::read_dir(&counts)
        .context("Pointsman has counted nothing")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "profraw"))
        .collect();
    let status = Command::new(&merge).arg("merge").arg("--output").arg(&merged).args(raw).status();
    if !status.with_context(|| format!("cannot run {}", merge.display()))?.success() {
        bail!("{} cannot merge what was counted", merge.display());
    }
    eprintln!("xtask: [3/3] building Pointsman with what was counted");
    let built = compiler.build(&work, &format!("-Cprofile-use={}", merged.display()))?;
    let folder = target.join("pgo");
    fs::create_dir_all(&folder)?;
    let binary = folder.join("pointsman");
    // Under another name first: a running one can't be written to.
    let new = folder.join("pointsman.new");
    fs::copy(&built, &new).with_context(|| format!("cannot copy {}", built.display()))?;
    fs::rename(&new, &binary)?;
    println!("{}", binary.display());
    Ok(())
}

/// The compiler in use.
#[derive(Debug)]
struct Compiler {
    /// The machine that it runs on, as it names it.
    host: String,
    /// Where the libraries of that target are.
    libraries: PathBuf,
}

impl Compiler {
    fn ask() -> Result<Self> {
        let version = cargo::ask_rustc(&["-vV"])?;
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let libraries = PathBuf::from(cargo::ask_rustc(&["--print", "target-libdir"])?.trim());
        Ok(Self { host: host.to_owned(), libraries })
    }

    /// LLVM's tool that merges profiles: it has to be of the compiler's own version.
    fn profile_tool(&self) -> Result<PathBuf> {
        let tool = self.libraries.with_file_name("bin").join("llvm-profdata");
        if !tool.is_file() {
            eprintln!("xtask: adding the component llvm-tools");
            // Whether it has worked is seen below.
            let _ = Command::new("rustup").args(["component", "add", "llvm-tools"]).status();
        }
        if !tool.is_file() {
            bail!(
                "{} is missing and could not be added; run `rustup component add llvm-tools`",
                tool.display()
            );
        }
        Ok(tool)
    }

    /// Builds Pointsman with the profile `dist` and one more flag.
    fn build(&self, work: &Path, flag: &str) -> Result<PathBuf> {
        let work_text = work.to_str().context("the target directory's name isn't UTF-8")?;
        // With a target named, flags are for Pointsman and not for what helps to build it, such as the plugins.
        let build = ["build", "--profile", "dist", "--target", &self.host, "--target-dir", work_text];
        let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", self.host.to_uppercase().replace('-', "_"));
        cargo::run(build.into_iter().chain(cargo::THE_PROGRAM), &[(&variable, flag)])?;
        Ok(work.join(&self.host).join("dist/pointsman"))
    }
}
