//! The command line: what was asked for, and exit codes.

mod check;
mod completions;
mod file;
mod import;
mod init;
mod man;
mod policy;
mod progress_line;
mod run;
mod simulate;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::filter::Targets;

use crate::console;
use crate::ctl;
use crate::demo;
use crate::log;

/// A programmable HTTP reverse proxy: the balancing policy is a WebAssembly plugin, swapped while requests flow.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT, then finish what runs; SIGHUP reloads, SIGUSR2 lets a new program take over
    Run {
        #[command(flatten)]
        config: ConfigFile,
        /// Worker threads; default: what the configuration says, or one for each CPU that this process may use
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
        workers: Option<u16>,
        /// What to log: off, error, warn, info, debug or trace, or levels by module; default: RUST_LOG, else info
        #[arg(long, value_name = "LEVEL", value_parser = filter)]
        log_level: Option<Box<Targets>>,
    },
    /// Write a configuration for what the options say, or ask for it
    Init(Box<init::Arguments>),
    /// Carry over another proxy's configuration, and list what can't be
    Import {
        #[command(subcommand)]
        command: import::Command,
    },
    /// Check a configuration and load its plugins without serving
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// See and steer a running proxy through its admin server
    Ctl(Box<ctl::Arguments>),
    /// Show what Pointsman does: three backends, the proxy, and a policy swapped under load
    Demo {
        /// End after the demonstration; exit 1 if a request failed or the swap didn't happen
        #[arg(long)]
        exit: bool,
    },
    /// Balancing policies
    Policy {
        #[command(subcommand)]
        command: policy::Command,
    },
    /// Try policies in virtual time, in front of made-up backends, with the proxy's own pools and picks
    Simulate(simulate::Arguments),
    /// Print what makes a shell complete the commands and options of this program
    Completions(completions::Arguments),
    /// Write the manual pages
    #[command(hide = true)]
    Man(man::Arguments),
}

fn filter(text: &str) -> Result<Box<Targets>, String> {
    log::parse_filter(text).map(Box::new)
}

#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long = "config", short, default_value = "pointsman.toml", value_name = "FILE")]
    path: PathBuf,
}

/// Runs the command that the process was started with.
///
/// Exit codes: 0 = done; 1 = it failed, and standard error says why; 2 = the command line is wrong, or an input of `import` can't be read.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run { config, workers, log_level } => {
            run::run(&config.path, workers.map(usize::from), log_level.map(|filter| *filter))
        }
        Command::Init(arguments) => init::run(*arguments),
        Command::Import { command } => import::run(command),
        Command::Check { config } => check::check(&config.path),
        Command::Ctl(arguments) => Ok(ctl::run(&arguments)),
        Command::Demo { exit } => {
            demo::run(if exit { demo::Afterwards::Exit } else { demo::Afterwards::StayUp })
        }
        Command::Policy { command } => policy::run(command),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Man(arguments) => man::run(&arguments, Arguments::command()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            console::complain(format_args!("pointsman: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
