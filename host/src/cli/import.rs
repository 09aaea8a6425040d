//! `pointsman import`: another proxy's configuration as one of ours.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Subcommand, ValueHint};

use super::file;
use crate::console;
use crate::folder;
use crate::import::{self, Dialect, Imported, Options, Rank};

/// Exit code for an input that can't be read, as for a command line that is wrong.
const UNREADABLE: u8 = 2;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Carry over an nginx.conf, or a fragment of one, with all that it includes
    Nginx {
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Carry over a haproxy.cfg
    Haproxy {
        #[command(flatten)]
        arguments: Arguments,
        /// The `frontend` or `listen` to carry over alone [default: all of them]
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Where to write the configuration [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Where to write the list of what isn't carried over [default: standard error]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    list: Option<PathBuf>,
    /// The folder that relative paths in the file start from [default: the file's own, then the one you are in]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    /// Exit with 0 although the list has what opens access or removes protection
    #[arg(long)]
    allow_open: bool,
    /// Replace files if they are there
    #[arg(long)]
    force: bool,
}

/// Writes the configuration and the list.
pub(super) fn run(command: Command) -> Result<ExitCode> {
    let (dialect, arguments, only) = match command {
        Command::Nginx { arguments } => (Dialect::Nginx, arguments, None),
        Command::Haproxy { arguments, only } => (Dialect::Haproxy, arguments, only),
    };
    for path in [&arguments.output, &arguments.list].into_iter().flatten() {
        if !arguments.force && file::is_there(path) {
            bail!(file::exists(path));
        }
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let options = Options {
        root: arguments.root.clone(),
        start: start(&arguments)?,
        only,
        environment: environment.collect(),
        workers: std::thread::available_parallelism().map_or(1, |number| number.get() as u64),
    };
    let imported = match import::import(dialect, &arguments.file, &options) {
        Ok(imported) => imported,
        Err(fault) => {
            console::complain(format_args!("pointsman: {fault}"));
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    list(&arguments, &imported)?;
    if let Some(fault) = &imported.fault {
        fault.iter().for_each(console::complain);
        bail!(
            "what came of {} isn't a configuration, which is a fault of this program: nothing was written; please report it with the file",
            arguments.file.display()
        );
    }
    let Some(text) = &imported.text else {
        bail!(
            "nothing was written: no listener with a route to a backend came of {}",
            arguments.file.display()
        );
    };
    match &arguments.output {
        Some(output) => file::write(output, text, arguments.force)?,
        None => console::put(text.as_bytes())?,
    }
    summary(&arguments, &imported);
    let is_open = imported.count(Rank::A) > 0 && !arguments.allow_open;
    Ok(if is_open { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where relative paths of the result lead from, if it is written to another folder than they start in.
fn start(arguments: &Arguments) -> Result<Option<PathBuf>> {
    let Some(output) = &arguments.output else { return Ok(None) };
    let root = arguments.root.as_deref().unwrap_or_else(|| folder::of(&arguments.file));
    let (root, folder) = (std::path::absolute(root)?, std::path::absolute(folder::of(output))?);
    Ok((root != folder).then_some(root))
}

fn list(arguments: &Arguments, imported: &Imported) -> Result<()> {
    match &arguments.list {
        Some(path) => {
            let mut text = String::new();
            for finding in &imported.findings {
                writeln!(text, "{finding}")?;
            }
            file::write(path, &text, arguments.force)
        }
        None => {
            imported.findings.iter().for_each(console::complain);
            Ok(())
        }
    }
}

fn summary(arguments: &Arguments, imported: &Imported) {
    let counts = imported.counts;
    let [open, changed, without] = [Rank::A, Rank::B, Rank::C].map(|rank| imported.count(rank));
    console::complain(format_args!(
        "{}: {} of {} directives are carried over; the list has {open} of rank A (opens access or removes protection), {changed} of B (changes what clients or backends see), {without} of C (no effect)",
        arguments.file.display(),
        counts.carried,
        counts.directives,
    ));
    if open > 0 && !arguments.allow_open {
        console::complain(
            "don't serve with it before each entry of rank A is settled; `--allow-open` says that they are",
        );
    }
    if let Some(output) = &arguments.output {
        let path: &Path = output;
        console::complain(format_args!(
            "{} is written; `pointsman check --config {}` checks it on this machine",
            path.display(),
            path.display()
        ));
    }
}
