//! `pointsman check`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::app::App;
use crate::config::{Config, ConfigErrors};
use crate::console;

/// Checks everything that would be checked before serving, but binds nothing.
pub(super) fn check(path: &Path) -> Result<ExitCode> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(errors) => {
            errors.iter().for_each(console::complain);
            return Ok(ExitCode::FAILURE);
        }
    };
    match App::check(&config, path) {
        Ok(warnings) => {
            warnings.iter().for_each(|warning| console::complain(format_args!("warning: {warning}")))
        }
        Err(error) => {
            match error.downcast_ref::<ConfigErrors>() {
                Some(errors) => errors.iter().for_each(console::complain),
                None => console::complain(format_args!("{error:#}")),
            }
            return Ok(ExitCode::FAILURE);
        }
    }
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

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
