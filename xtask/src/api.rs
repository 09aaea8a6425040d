//! Schemathesis, which asks of an API what its document says.

use std::process::{Command, Stdio};

use crate::{cargo, wasm_target};

/// Runs it against the admin API of a proxy: it is one of the end-to-end tests. Skipped where there is no Schemathesis.
pub(crate) fn run() -> Result<(), String> {
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let version = Command::new(&program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let version = match version {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => {
            eprintln!(
                "xtask: api: SKIPPED: cannot run `{program}`: {error}; `pip install 'schemathesis>=4.32,<5'`, and put it into PATH or \
                 name it in SCHEMATHESIS"
            );
            return Ok(());
        }
    };
    eprintln!("xtask: api: {version}");
    wasm_target::ensure()?;
    let test = ["test", "--locked", "--package", "pointsman", "--test", "e2e", "api::", "--", "--nocapture"];
    cargo::run(&test, &[("SCHEMATHESIS", &program)])?;
    eprintln!("xtask: api: the API does what its document says");
    Ok(())
}
