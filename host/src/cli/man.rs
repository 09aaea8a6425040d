//! `pointsman man`, for those who make packages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write pointsman.1 and a page for each command; made if it isn't there
    directory: PathBuf,
}

/// Writes the manual pages of this command line.
pub(super) fn run(arguments: &Arguments, command_line: clap::Command) -> Result<ExitCode> {
    let directory = &arguments.directory;
    let fault = || format!("cannot write manual pages to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(fault)?;
    clap_mangen::generate_to(command_line, directory).with_context(fault)?;
    Ok(ExitCode::SUCCESS)
}
