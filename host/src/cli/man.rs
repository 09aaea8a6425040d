//! `pointsman man`, for those who make packages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write pointsman.1 and a page for each command; made if it isn't there
    directory: PathBuf,
}

/// Writes the manual pages.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let directory = &arguments.directory;
    let fault = || format!("cannot write manual pages to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(fault)?;
    clap_mangen::generate_to(super::Arguments::command(), directory).with_context(fault)?;
    Ok(ExitCode::SUCCESS)
}
