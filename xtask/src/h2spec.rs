//! h2spec, which asks of a server what HTTP/2 says that servers do.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::{cargo, wasm_target};

/// Runs its cases against the proxy: they are two of the end-to-end tests. Skipped where there is no h2spec.
pub(crate) fn run() -> Result<(), String> {
    let program = std::env::var_os("H2SPEC").unwrap_or_else(|| OsString::from("h2spec"));
    let mut command = Command::new(&program);
    let version = command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let version = match version {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => {
            eprintln!(
                "xtask: h2spec: SKIPPED: cannot run `{}`: {error}; build it from github.com/summerwind/h2spec with \
                 `go build ./cmd/h2spec`, and put it into PATH or name it in H2SPEC",
                program.display()
            );
            return Ok(());
        }
    };
    eprintln!("xtask: h2spec: {version}");
    wasm_target::ensure()?;
    cargo::run(&["test", "--locked", "--package", "pointsman", "--test", "e2e", "h2spec::"], &[])?;
    eprintln!("xtask: h2spec: every case passed, over TLS and in clear");
    Ok(())
}
