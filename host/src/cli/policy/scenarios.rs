//! `pointsman policy test`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pointsman_policy::{Testbed, VersionId};
use pointsman_workshop::scenario::{self, Scenario};

use super::plugin;
use crate::console;
use crate::regular_file;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin, or the name of a bundled policy
    file: PathBuf,
    /// Scenarios, as TOML files, or folders of them
    #[arg(default_value = "tests")]
    scenarios: Vec<PathBuf>,
}

/// Exit codes: 0 = all as expected; 1 = not; 2 = the plugin or a scenario can't be read.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let plugin = match plugin::read(&arguments.file) {
        Ok(plugin) => plugin,
        Err(code) => return Ok(code),
    };
    let scenarios = match all(&arguments.scenarios) {
        Ok(scenarios) => scenarios,
        Err(error) => {
            console::complain(format_args!("{error:#}"));
            return Ok(ExitCode::from(2));
        }
    };
    console::say(format_args!(
        "{}  sha256 {}",
        arguments.file.display(),
        VersionId::of(&plugin.content).to_hex()
    ))?;
    let testbed = Testbed::new()?;
    let mut failed = 0;
    for (path, scenario) in &scenarios {
        let outcome = scenario::run(&testbed, &plugin, scenario);
        match &outcome.failure {
            None => console::say(format_args!("ok    {} ({} steps)", outcome.name, outcome.passed))?,
            Some(failure) => {
                failed += 1;
                console::say(format_args!("FAIL  {}", outcome.name))?;
                console::say_text(format_args!("  {}, {failure}\n", path.display()))?;
            }
        }
        for asked in &outcome.asked_unknown {
            console::say(format_args!("      asks {asked}"))?;
        }
    }
    console::say(format_args!("{} passed, {failed} failed", scenarios.len() - failed))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The scenarios of all these files and folders.
fn all(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Scenario)>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(|path| Ok((path.clone(), scenario::load(&path, &regular_file::read)?))).collect()
}

/// The TOML files of a folder, by name.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("{}: cannot read it", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("{}: there is no scenario in it, which is a file NAME.toml", folder.display());
    }
    files.sort();
    Ok(files)
}
