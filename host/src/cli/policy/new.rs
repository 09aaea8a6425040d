//! `pointsman policy new`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use pointsman_workshop::scaffold::{self, Language, Like, Name, Plan};

use crate::console;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// What the policy and its folder are called: lower-case letters, digits and hyphens
    name: Name,
    /// What it is written in
    #[arg(
        long,
        default_value = "rust",
        value_parser = PossibleValuesParser::new(Language::ALL.map(written)).try_map(|name| name.parse::<Language>())
    )]
    lang: Language,
    /// What it does at first
    #[arg(
        long,
        default_value = "p2c",
        value_parser = PossibleValuesParser::new(Like::ALL.map(Like::as_str)).try_map(|name| name.parse::<Like>())
    )]
    like: Like,
}

fn written(language: Language) -> PossibleValue {
    PossibleValue::new(language.as_str()).aliases(language.aliases())
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    let plan = Plan { name: arguments.name, language: arguments.lang, like: arguments.like };
    let name = plan.name.as_str();
    scaffold::write(Path::new(name), &plan.files())?;
    let kit = plan.kit();
    console::say(format_args!(
        "{name}/ has a policy in {}, in {}, with what builds, tests and runs it. README.md says more.",
        plan.language.title(),
        kit.source
    ))?;
    console::say(format_args!("  cd {name}"))?;
    for command in [
        kit.build,
        format!("pointsman policy test {}", kit.plugin),
        format!("pointsman policy check {}", kit.plugin),
        "pointsman run".to_owned(),
    ] {
        console::say(format_args!("  {command}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
