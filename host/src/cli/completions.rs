//! `pointsman completions`.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::console;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell that is to complete Pointsman's commands
    shell: Shell,
}

/// Prints the script that the shell reads.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "pointsman", &mut script);
    console::put(&script)?;
    Ok(ExitCode::SUCCESS)
}
