//! `pointsman policy`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;
use pointsman_core::backend::Backend;
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_policy::{Hooks, PolicyLoader, PolicySettings, VersionId};
use pointsman_sdk::abi::WEIGHT_UNIT;

use crate::console;
use crate::control::plugin_file;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the bundled policies
    List,
    /// Put a plugin through everything that a proxy asks of it before it serves
    Check {
        /// The plugin
        file: PathBuf,
        /// The policy's configuration as JSON, as `policy.config` would have it
        #[arg(long, default_value = "{}")]
        config: String,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::List => list()?,
        Command::Check { file, config } => return check(&file, &config),
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, config: &str) -> Result<ExitCode> {
    let plugin = plugin_file::read(file)?;
    let loader = PolicyLoader::start(Clock::start(), NonZeroUsize::MIN, 0)?;
    let settings = PolicySettings { config: config.into(), ..PolicySettings::default() };
    match loader.check(Arc::new(sample_pool()), settings, plugin) {
        Ok(checked) => {
            console::say(format_args!("{}: ok", file.display()))?;
            console::say(format_args!("version       {}", checked.id.to_hex()))?;
            console::say(format_args!("size          {} B", checked.size))?;
            console::say(format_args!("compile time  {:.1?}", checked.compile_time))?;
            console::say(format_args!("a pick takes  {:?} with {SAMPLE} backends", checked.pick_time))?;
            console::say(format_args!("hooks         {}", hooks(checked.hooks)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            console::complain(format_args!("{}: refused: {refusal}", file.display()));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn hooks(hooks: Hooks) -> String {
    let exported = [("topology", hooks.topology), ("observe", hooks.observe), ("tick", hooks.tick)];
    let names: Vec<&str> = exported.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// Backends of the pool that a plugin is checked with.
const SAMPLE: u8 = 3;

/// Backends of different weights. They are never connected to.
fn sample_pool() -> Pool {
    let backends = (1..=SAMPLE).map(|number| {
        Arc::new(Backend {
            weight: u32::from(number) * WEIGHT_UNIT,
            ..Backend::new(format!("b{number}"), ([127, 0, 0, number], 8080))
        })
    });
    Pool::new("sample", 0, &UpstreamLimits::default(), backends.collect())
}

fn list() -> Result<()> {
    console::say(format_args!("{:<14} {:>9}  version", "policy", "size"))?;
    for name in pointsman_policy::names() {
        let bytes = pointsman_policy::bundled(name).unwrap_or_default();
        console::say(format_args!("{name:<14} {:>7} B  {}", bytes.len(), VersionId::of(bytes)))?;
    }
    Ok(())
}
