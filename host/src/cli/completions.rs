//! `pointsman completions`.

use std::process::ExitCode;

use anyhow::Result;
use clap_complete::Shell;

use crate::console;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell that is to complete Pointsman's commands
    shell: Shell,
}

/// Prints the script by which the shell completes this command line.
pub(super) fn run(arguments: &Arguments, mut command_line: clap::Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command_line, "pointsman", &mut script);
    console::put(&script)?;
    Ok(ExitCode::SUCCESS)
}
