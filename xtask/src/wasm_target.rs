//! The compiler's WebAssembly target, without which no plugin can be built.

use std::process::Command;

use crate::cargo;

const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the target if it is missing.
pub(crate) fn ensure() -> Result<(), String> {
    if is_installed() {
        return Ok(());
    }
    eprintln!("xtask: adding the target {TARGET}");
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) && is_installed() {
        return Ok(());
    }
    Err(format!(
        "the target {TARGET} is missing and could not be added; run `rustup target add {TARGET}`.\n\
         Without rustup, install your distribution's package of the target's standard library \
         (Debian: libstd-rust-dev-wasm32, Fedora: rust-std-static-{TARGET}), or build the plugins elsewhere and name \
         their folder in POINTSMAN_PREBUILT_PLUGINS"
    ))
}

/// Asks the compiler where the target's libraries would be, and looks.
fn is_installed() -> bool {
    let Ok(libraries) = cargo::ask_rustc(&["--print", "target-libdir", "--target", TARGET]) else {
        return false;
    };
    std::fs::read_dir(libraries.trim()).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}
