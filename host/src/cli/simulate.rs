//! `pointsman simulate`.

mod given;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pointsman_workshop::simulate::{Summary, simulate};
use pointsman_workshop::spec::{self, Replay};

use super::file;
use super::progress_line::ProgressLine;
use crate::console;
use crate::log::{self, Log};
use crate::regular_file;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec: policies, backends, load and events, as TOML
    spec: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Write charts as SVG files into this folder, which is made if it isn't there
    #[arg(long, value_name = "FOLDER")]
    charts: Option<PathBuf>,
    /// Runs of each policy, each with another seed; default: what the spec says, or 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// The seed of the first run; default: what the spec says, or 1
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A plugin file, or the name of a bundled policy, in the place of those in the spec; may be given again, and called something by NAME=
    #[arg(long = "policy", value_name = "[NAME=]FILE|POLICY")]
    policies: Vec<PathBuf>,
    /// The configuration of the policy that is given by this name, or of all that are given, as JSON; may be given again
    #[arg(long = "config", value_name = "[NAME=]JSON", requires = "policies")]
    configs: Vec<String>,
}

/// Exit codes: 0 = done; 1 = a policy failed in it, or it could not be run; 2 = the spec, or a policy in its place, can't be read, or there is no place for the charts.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    // What a plugin says, and how it fails.
    let log = Log::start(log::parse_filter("warn").map_err(anyhow::Error::msg)?).context("no log")?;
    let given = match given::read(&arguments.policies, &arguments.configs) {
        Ok(given) => given,
        Err(wrong) => {
            console::complain(format_args!("pointsman: {wrong}"));
            return Ok(ExitCode::from(2));
        }
    };
    let (mut spec, policies) = match spec::load(&arguments.spec, given, &regular_file::read) {
        Ok(read) => read,
        Err(fault) => {
            console::complain(fault);
            return Ok(ExitCode::from(2));
        }
    };
    if let Some(replay) = &spec.load.get_ref().replay {
        tell_what_lacks(replay);
    }
    let runs = spec.run.get_mut();
    runs.seeds = arguments.seeds.unwrap_or(runs.seeds);
    runs.seed = arguments.seed.unwrap_or(runs.seed);

    if let Err(error) = file::make_folder(arguments.charts.as_deref()) {
        console::complain(format_args!("pointsman: {error:#}"));
        return Ok(ExitCode::from(2));
    }
    let mut line = ProgressLine::begin();
    let results = simulate(&spec, &policies, &mut |at| {
        line.show(at.share, format_args!("{}, seed {}", at.policy.escape_debug(), at.seed));
        true
    });
    line.clear();
    log.flush();
    let results = results?;
    let summary = Summary::of(&spec, &results);
    if let Some(folder) = &arguments.charts {
        file::write_into(folder, summary.charts(&results))?;
    }
    if arguments.json {
        console::put(format!("{}\n", serde_json::to_string_pretty(&summary)?).as_bytes())?;
    } else {
        console::say_text(summary.table())?;
    }
    Ok(if is_sound(&summary) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether no policy has failed, and no swap was refused; says which.
fn is_sound(summary: &Summary) -> bool {
    let failed: Vec<String> = summary
        .policies
        .iter()
        .filter(|policy| policy.counts.faults > 0)
        .map(|policy| {
            let counts = &policy.counts;
            let [faults, fallback, picks] = [counts.faults, counts.fallback_picks, counts.picks];
            format!("{} ({faults} times; {fallback} of {picks} picks)", policy.policy)
        })
        .collect();
    let results = summary.swaps.iter().flat_map(|swap| &swap.results);
    let refused: u64 = results.map(|result| result.refused).sum();
    if !failed.is_empty() {
        console::complain(format_args!(
            "pointsman: these policies failed, and the fallback picked in their place until a new instance was there: {}",
            failed.join(", ")
        ));
    }
    if refused > 0 {
        console::complain(format_args!(
            "pointsman: {refused} {} refused, for reasons that stand above",
            if refused == 1 { "swap was" } else { "swaps were" }
        ));
    }
    failed.is_empty() && refused == 0
}

/// Says what a log doesn't have, and which of its lines have no request that comes again.
fn tell_what_lacks(replay: &Replay) {
    let (Some(recorded), file) = (replay.recorded(), replay.file.display()) else { return };
    if recorded.sampled > 0 {
        console::complain(format_args!(
            "pointsman: {} requests of {file} are of a sample (`sample_rate`): there were more, and most of those that were slow or failed are here",
            recorded.sampled
        ));
    }
    if recorded.skipped == 0 {
        return;
    }
    console::complain(format_args!(
        "pointsman: {} lines of {file} are skipped; the first:",
        recorded.skipped
    ));
    for (line, reason) in &recorded.first_skipped {
        console::complain(format_args!("{file}:{line}: {reason}"));
    }
}
