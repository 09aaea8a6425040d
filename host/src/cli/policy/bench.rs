//! `pointsman policy bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use http::HeaderName;
use pointsman_policy::{PolicySettings, VersionId};
use pointsman_workshop::bench::{self, Cost};

use super::plugin;
use crate::console;

/// A policy's file, the version of it, and what its picks cost.
type Measured<'a> = (&'a PathBuf, String, Vec<Cost>);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin, or the name of a bundled policy
    file: PathBuf,
    /// Another one to compare it with
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,
    /// The policy's configuration as JSON, as `policy.config` would have it
    #[arg(long, default_value = "{}", value_parser = plugin::config)]
    config: String,
    /// A header field that requests have, for policies that take their key from it
    #[arg(long, value_name = "HEADER")]
    key: Option<HeaderName>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut measured = Vec::new();
    for (file, config) in
        [(Some(&arguments.file), arguments.config.as_str()), (arguments.against.as_ref(), "{}")]
    {
        let Some(file) = file else { continue };
        let plugin = match plugin::read(file) {
            Ok(plugin) => plugin,
            Err(code) => return Ok(code),
        };
        let costs = bench::measure(&plugin, config, arguments.key.as_ref())
            .with_context(|| file.display().to_string())?;
        measured.push((file, VersionId::of(&plugin.content).to_hex(), costs));
    }
    if arguments.json {
        let all = measured.iter().map(|(file, sha256, costs)| {
            serde_json::json!({ "policy": file.display().to_string(), "sha256": sha256, "picks": costs })
        });
        let text = serde_json::to_string_pretty(&all.collect::<Vec<_>>())?;
        console::put(format!("{text}\n").as_bytes())?;
    } else {
        say(&measured)?;
    }
    Ok(if complain(&measured) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A table for each policy.
fn say(measured: &[Measured<'_>]) -> Result<()> {
    for (file, sha256, costs) in measured {
        console::say(format_args!("{}  sha256 {sha256}", file.display()))?;
        console::say(format_args!(
            "{:>8}  {:>10}  {:>10}  {:>15}  {:>10}",
            "backends", "ns/pick", "fuel/pick", "host calls/pick", "memory"
        ))?;
        for Cost { backends, ns, fuel, host_calls, memory, .. } in costs {
            let kib = memory.div_ceil(1 << 10);
            console::say(format_args!(
                "{backends:>8}  {ns:>10.0}  {fuel:>10.0}  {host_calls:>15.1}  {kib:>6} KiB"
            ))?;
        }
    }
    Ok(())
}

/// Says where a policy failed, so that the figures aren't of its picks, or took longer than the proxy lets it. Whether one failed.
fn complain(measured: &[Measured<'_>]) -> bool {
    let deadline = PolicySettings::default().deadline;
    let mut has_failed = false;
    for (file, _, costs) in measured {
        let file = file.display();
        for Cost { backends, failed, .. } in costs.iter().filter(|cost| cost.failed > 0) {
            has_failed = true;
            console::complain(format_args!(
                "pointsman: {file} failed {failed} times with {backends} backends: its figures there aren't those of a pick"
            ));
        }
        if let Some(Cost { abstained, .. }) = costs.iter().find(|cost| cost.abstained > 0.0) {
            console::complain(format_args!(
                "pointsman: {file} leaves {:.0} % of the picks to the fallback, as it has no opinion: its figures are of that; `--key HEADER` gives requests a header field",
                abstained * 100.0
            ));
        }
        for Cost { backends, ns, .. } in costs.iter().filter(|cost| cost.ns > deadline.as_nanos() as f64) {
            console::complain(format_args!(
                "pointsman: a pick of {file} with {backends} backends takes {:.0} ms, and the proxy ends it after {} ms, unless `policy.deadline` says otherwise",
                ns / 1e6,
                deadline.as_millis()
            ));
        }
    }
    has_failed
}
