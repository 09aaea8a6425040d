//! `pointsman policy dev`.

mod folder;
mod steps;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use folder::PolicyFolder;
use steps::Round;
use watch::Sources;

use crate::console;

/// Between two looks at the files.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The policy's folder, as `policy new` makes it
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// What builds the plugin; default: the command of the folder's language
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// The plugin that comes of it; default: that of `pointsman.toml`
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// The pool to swap it into, of the proxy that `pointsman.toml` is for; default: the one with the plugin
    #[arg(long)]
    pool: Option<String>,
    /// Build, check, test and swap once, and say by the exit code whether all went well
    #[arg(long)]
    once: bool,
}

/// Exit codes: with `--once` 0 if all went well and 1 if not; 1 if it isn't known what to build; else it ends by a signal.
pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    let folder = PolicyFolder::open(&arguments.folder, arguments.build, arguments.plugin, arguments.pool)?;
    let round = Round::of(&folder)?;
    if arguments.once {
        return Ok(if round.run()? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut sources = Sources::of(&folder);
    round.run()?;
    // What the build itself has made is no reason to build again, and what was saved meanwhile is.
    sources.forget_made();
    console::say(format_args!("{}: waits for a file to be saved; Ctrl-C ends it", folder.path().display()))?;
    loop {
        std::thread::sleep(INTERVAL);
        if sources.have_changed() {
            round.run()?;
            sources.forget_made();
        }
    }
}
