//! `pointsman init`: a first configuration, from options or from answers.

mod arguments;
mod backend;
mod questions;
mod text;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::error::ErrorKind;

use super::{check, file};
use crate::config::{Config, ConfigErrors};
use crate::console;

pub(super) use arguments::Arguments;
use text::Choices;

/// Writes a configuration that `pointsman check` passes, or nothing.
pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    if !arguments.force && file::is_there(&arguments.output) {
        bail!(file::exists(&arguments.output));
    }
    let choices = match (arguments.backends.is_empty(), io::stdin().is_terminal()) {
        (false, _) => Choices::from_options(&arguments)?,
        (true, true) => match questions::ask(&arguments, &mut io::stdin().lock(), &mut io::stdout())? {
            Some(choices) => choices,
            None => bail!("nothing was written: the answers ended early"),
        },
        (true, false) => {
            let message = "there is no backend to send requests to\n\nAdd one, as in `--backend 127.0.0.1:9000`; `pointsman init --help` has the other options.\n";
            clap::Error::raw(ErrorKind::MissingRequiredArgument, message).exit()
        }
    };
    let text = choices.text();
    let warnings = match check::examine(Config::parse(&text, &arguments.output), &arguments.output) {
        Ok((_, warnings)) => warnings,
        Err(error) => {
            let Some(faults) = error.downcast_ref::<ConfigErrors>() else { return Err(error) };
            for fault in faults.iter() {
                console::complain(format_args!("pointsman: {}", text::by_option(fault)));
            }
            console::complain("nothing was written");
            return Ok(ExitCode::FAILURE);
        }
    };
    file::write(&arguments.output, &text, arguments.force)?;
    check::warn(&warnings);
    console::say_text(choices.report(&arguments.output))?;
    Ok(ExitCode::SUCCESS)
}
