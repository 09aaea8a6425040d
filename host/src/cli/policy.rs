//! `pointsman policy`.

mod bench;
mod dev;
mod doctor;
mod new;
pub(super) mod plugin;
mod report;
mod scenarios;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use pointsman_core::backend::Backend;
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_policy::{Hooks, PolicyLoader, PolicySettings, Usage, VersionId};
use pointsman_sdk::abi::WEIGHT_UNIT;

use crate::console;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the bundled policies
    List,
    /// Make a folder with a new policy, its tests and what builds it; no network is needed
    New(new::Arguments),
    /// Say which tools are here for policies in each language, and what brings those that are missing
    Doctor(doctor::Arguments),
    /// Build, check and test a policy whenever a file is saved, and swap it into a running proxy
    Dev(dev::Arguments),
    /// Put a plugin through everything that a proxy asks of it before it serves
    Check {
        /// The plugin, or the name of a bundled policy
        file: PathBuf,
        /// The policy's configuration as JSON, as `policy.config` would have it
        #[arg(long, default_value = "{}", value_parser = plugin::config)]
        config: String,
    },
    /// Run scenarios with a plugin, step by step, and say where something else comes than they expect
    Test(scenarios::Arguments),
    /// Measure what a pick costs, with 1 to 10,000 backends
    Bench(bench::Arguments),
    /// Try a plugin in simulations of what others have failed at, and judge what it does there
    Report(report::Arguments),
}

pub(super) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::List => list()?,
        Command::Check { file, config } => return check(&file, &config),
        Command::Dev(arguments) => return dev::run(arguments),
        Command::Doctor(arguments) => return doctor::run(&arguments),
        Command::New(arguments) => return new::run(arguments),
        Command::Test(arguments) => return scenarios::run(&arguments),
        Command::Bench(arguments) => return bench::run(&arguments),
        Command::Report(arguments) => return report::run(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, config: &str) -> Result<ExitCode> {
    let plugin = match plugin::read(file) {
        Ok(plugin) => plugin,
        Err(code) => return Ok(code),
    };
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
            say_usage(&checked.usage, &PolicySettings::default())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            console::complain(format_args!("{}: refused: {refusal}", file.display()));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What the plugin takes of each limit.
fn say_usage(usage: &Usage, settings: &PolicySettings) -> Result<()> {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let kib = |bytes: u64| format!("{} KiB", bytes.div_ceil(1 << 10));
    console::say("")?;
    console::say(format_args!("{:<24} {:>10} {:>12}", "limit", "used", "allowed"))?;
    for (what, used, allowed) in [
        ("code and data", kib(usage.compiled as u64), kib(Usage::COMPILED as u64)),
        ("functions", usage.functions.to_string(), Usage::FUNCTIONS.to_string()),
        ("largest function", kib(usage.largest_function as u64), kib(Usage::LARGEST_FUNCTION as u64)),
        ("time to compile, estimate", seconds(usage.compile_estimate), seconds(Usage::COMPILE_ESTIMATE)),
        ("memory at start", kib(usage.memory), kib(settings.memory as u64)),
        ("elements of the table", usage.table.to_string(), settings.table.to_string()),
    ] {
        console::say(format_args!("{what:<24} {used:>10} {allowed:>12}"))?;
    }
    Ok(())
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
