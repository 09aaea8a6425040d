//! `pointsman policy doctor`.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use pointsman_workshop::doctor::{self, Found};
use pointsman_workshop::scaffold::Language;

use crate::console;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Look for the tools of this language only, and fail if one is missing
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(Language::ALL.map(Language::as_str)).try_map(|name| name.parse::<Language>())
    )]
    lang: Option<Language>,
}

/// Exit codes: 0 = policies can be built in the language that was asked for, or in one at least; 1 = they can't.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let languages = arguments.lang.map_or(Language::ALL.to_vec(), |language| vec![language]);
    let mut is_ready = false;
    for language in languages {
        let diagnosis = doctor::examine(language, &answer);
        is_ready |= diagnosis.is_ready();
        let state = if diagnosis.is_ready() { "ready" } else { "not ready" };
        console::say(format_args!("{:<24}{state}", language.title()))?;
        for (tool, found) in &diagnosis.tools {
            let name = tool.name;
            match found {
                Found::Version(version) if version.is_empty() => {
                    console::say(format_args!("  {name:<22}there"))?;
                }
                Found::Version(version) => console::say(format_args!("  {name:<22}{version}"))?,
                Found::Old(version, (major, minor)) => console::say(format_args!(
                    "  {name:<22}{version} is too old, {major}.{minor} will do: {}",
                    tool.install
                ))?,
                Found::Missing => console::say(format_args!("  {name:<22}missing: {}", tool.install))?,
            }
        }
    }
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a command prints, if it is there and succeeds.
fn answer(command: &[&str]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
