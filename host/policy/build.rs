//! Builds the bundled policies for WebAssembly and embeds them.
//!
//! `POINTSMAN_PREBUILT_PLUGINS=DIR` takes `DIR/NAME.wasm` instead: for packagers who build in two steps, and for
//! machines without the Wasm target.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that are embedded: those of `plugins/` that are for general use.
const BUNDLED: [&str; 13] = [
    "round-robin",
    "least-conn",
    "ip-hash",
    "peak-ewma",
    "random",
    "ring-hash",
    "maglev",
    "first",
    "least-time",
    "priority",
    "zone-aware",
    "aperture",
    "prequal",
];

const TARGET: &str = "wasm32-unknown-unknown";
const PREBUILT: &str = "POINTSMAN_PREBUILT_PLUGINS";

fn main() {
    if let Err(error) = embed() {
        eprintln!("the bundled policies could not be built: {error}");
        std::process::exit(1);
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    let plugins = match env::var_os(PREBUILT) {
        Some(directory) => prebuilt(Path::new(&directory))?,
        None => built(&out)?,
    };
    let mut table = String::from("pub(super) const BUNDLED: &[(&str, &[u8])] = &[\n");
    for (name, file) in plugins {
        writeln!(table, "    ({name:?}, include_bytes!({:?})),", file.display().to_string())?;
    }
    table.push_str("];\n");
    fs::write(out.join("bundled.rs"), table)?;
    Ok(())
}

fn prebuilt(directory: &Path) -> Result<Vec<(&'static str, PathBuf)>, Box<dyn Error>> {
    let directory =
        directory.canonicalize().map_err(|error| format!("{PREBUILT}={}: {error}", directory.display()))?;
    println!("cargo::rerun-if-changed={}", directory.display());
    let file = |name| {
        let file = directory.join(format!("{name}.wasm"));
        if file.is_file() {
            Ok((name, file))
        } else {
            Err(format!("{PREBUILT} has no {name}.wasm: {}", directory.display()).into())
        }
    };
    BUNDLED.into_iter().map(file).collect()
}

/// Runs another cargo. Its target directory is another one, as the outer cargo holds the lock of the usual one; and the same
/// for all profiles, as the policies are.
fn built(out: &Path) -> Result<Vec<(&'static str, PathBuf)>, Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workspace = manifest.ancestors().nth(2).ok_or("the package is not in its workspace")?;
    for source in ["plugins", "plugin-sdk/src", "plugin-sdk/Cargo.toml", "Cargo.toml", ".cargo/config.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    // OUT_DIR is TARGET/PROFILE/build/PACKAGE-HASH/out.
    let target = out.ancestors().nth(4).ok_or("OUT_DIR is not in a target directory")?.join("plugins");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--lib", "--profile", "plugin", "--target", TARGET])
        // A tenth of the size, for nothing but that files with debug information can't have it.
        .args(["--config", &format!("target.{TARGET}.rustflags=['-Clink-arg=--compress-relocations']")])
        .arg("--target-dir")
        .arg(&target);
    for name in BUNDLED {
        cargo.args(["--package", name]);
    }
    // What was meant for the host's target and toolchain must not reach the guests: flags, wrappers, features and the
    // variables that cargo sets for build scripts. Where cargo finds its registry, and whether it may go online, stays.
    for (variable, _) in env::vars_os() {
        let Some(name) = variable.to_str() else { continue };
        let inherited = name.starts_with("CARGO_HOME")
            || name.starts_with("CARGO_NET_")
            || name.starts_with("CARGO_HTTP_")
            || name.starts_with("CARGO_REGISTR")
            || name.starts_with("CARGO_SOURCE_");
        let of_the_host = name.starts_with("CARGO")
            || ["RUSTFLAGS", "RUSTC", "RUSTDOC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_LINKER"]
                .contains(&name);
        if of_the_host && !inherited {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().map_err(|error| format!("cannot run {cargo:?}: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("can't find crate for `core`") || errors.contains("target may not be installed") {
            return Err(format!(
                "the compiler has no standard library for {TARGET}.\n\
                 Install it with:  rustup target add {TARGET}\n\
                 or point {PREBUILT} to a directory with {}",
                BUNDLED.map(|name| format!("{name}.wasm")).join(", ")
            )
            .into());
        }
        return Err(format!("{cargo:?} failed:\n{errors}").into());
    }
    let files = target.join(TARGET).join("plugin");
    let kept = |name: &'static str| {
        // The file is named for the library, not for the package. The copy stays what it is when another profile's build
        // of other sources replaces the file.
        let (built, kept) =
            (files.join(format!("{}.wasm", name.replace('-', "_"))), out.join(format!("{name}.wasm")));
        fs::copy(&built, &kept).map_err(|error| format!("{}: {error}", built.display()))?;
        Ok((name, kept))
    };
    BUNDLED.into_iter().map(kept).collect()
}
