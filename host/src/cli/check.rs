//! `pointsman check`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Error, Result};

use crate::app::App;
use crate::config::{Config, ConfigError, ConfigErrors};
use crate::console;

/// Checks everything that would be checked before serving, but binds nothing.
pub(super) fn check(path: &Path) -> Result<ExitCode> {
    let (config, warnings) = match examine(Config::load(path), path) {
        Ok(good) => good,
        Err(error) => {
            match error.downcast_ref::<ConfigErrors>() {
                Some(errors) => errors.iter().for_each(console::complain),
                None => console::complain(format_args!("{error:#}")),
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    warn(&warnings);
    let backends: usize = config.pools.iter().map(|pool| pool.backends.len()).sum();
    let names: usize = config.pools.iter().map(|pool| pool.discovered.len()).sum();
    let followed = if names > 0 { format!(", {} to resolve", counted(names, "name")) } else { String::new() };
    console::say(format_args!(
        "{}: ok ({}, {}, {}{followed})",
        path.display(),
        counted(config.listeners.len(), "listener"),
        counted(config.pools.len(), "pool"),
        counted(backends, "backend"),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A configuration that can serve, with what should be known of it all the same; or its faults, as [`ConfigErrors`] unless this machine
/// is to blame.
pub(super) fn examine(
    config: Result<Config, ConfigErrors>,
    path: &Path,
) -> Result<(Config, Vec<ConfigError>), Error> {
    let config = config?;
    let warnings = App::check(&config, path)?;
    Ok((config, warnings))
}

pub(super) fn warn(warnings: &[ConfigError]) {
    warnings.iter().for_each(|warning| console::complain(format_args!("warning: {warning}")));
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
