//! `pointsman policy`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::policy::{self, VersionId};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the bundled policies
    List,
}

pub(super) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::List => list(&mut io::stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(out: &mut impl Write) -> Result<()> {
    writeln!(out, "{:<14} {:>9}  version", "policy", "size")?;
    for name in policy::names() {
        let bytes = policy::bundled(name).unwrap_or_default();
        writeln!(out, "{name:<14} {:>7} B  {}", bytes.len(), VersionId::of(bytes))?;
    }
    Ok(())
}
