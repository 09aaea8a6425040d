//! `pointsman simulate`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pointsman_workshop::simulate::{Progress, Summary, simulate};
use pointsman_workshop::spec::{self, PolicySpec};

use crate::console;
use crate::log::{self, Log};
use crate::regular_file;

/// Time between two changes of the line that says how far a simulation is.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec: policies, backends, load and events, as TOML
    spec: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Runs of each policy, each with another seed; default: what the spec says, or 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// The seed of the first run; default: what the spec says, or 1
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A plugin file, or the name of a bundled policy, in the place of those in the spec; may be given again
    #[arg(long = "policy", value_name = "FILE|NAME")]
    policies: Vec<PathBuf>,
}

/// Exit codes: 0 = done; 1 = a policy failed in it, or it could not be run; 2 = the spec can't be read.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    // What a plugin says, and how it fails.
    let log = Log::start(log::parse_filter("warn").map_err(anyhow::Error::msg)?).context("no log")?;
    let given = arguments.policies.iter().map(PathBuf::as_path).map(of_argument).collect();
    let (mut spec, policies) = match spec::load(&arguments.spec, given, &regular_file::read) {
        Ok(read) => read,
        Err(fault) => {
            console::complain(fault);
            return Ok(ExitCode::from(2));
        }
    };
    let runs = spec.run.get_mut();
    runs.seeds = arguments.seeds.unwrap_or(runs.seeds);
    runs.seed = arguments.seed.unwrap_or(runs.seed);

    let mut shown = Line::default();
    let results = simulate(&spec, &policies, &mut |progress| {
        shown.show(progress);
        true
    });
    shown.clear();
    log.flush();
    let summary = Summary::of(&spec, &results?);
    if arguments.json {
        console::put(format!("{}\n", serde_json::to_string_pretty(&summary)?).as_bytes())?;
    } else {
        console::say_text(format_args!("{}\n", summary.table()))?;
    }
    let failed: Vec<String> = summary
        .policies
        .iter()
        .filter(|policy| policy.counts.faults > 0)
        .map(|policy| {
            format!("{} ({} of {} picks)", policy.policy, policy.counts.faults, policy.counts.picks)
        })
        .collect();
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    console::complain(format_args!(
        "pointsman: these policies failed, and the fallback picked in their place: {}",
        failed.join(", ")
    ));
    Ok(ExitCode::FAILURE)
}

/// A policy as an argument: a file, if it looks like one.
fn of_argument(policy: &Path) -> PolicySpec {
    let name = policy.to_string_lossy();
    if name.contains('/') || name.ends_with(".wasm") {
        return PolicySpec {
            file: Some(std::path::absolute(policy).unwrap_or_else(|_| policy.into())),
            ..PolicySpec::default()
        };
    }
    PolicySpec::bundled(&name)
}

/// The line that says how far it is, on a terminal only.
#[derive(Default)]
struct Line(Option<Instant>);

impl Line {
    fn show(&mut self, Progress { policy, seed, share }: Progress<'_>) {
        let now = Instant::now();
        let is_due = self.0.is_none_or(|last| now.duration_since(last) >= SHOWN_EVERY);
        if is_due && io::stderr().is_terminal() {
            self.0 = Some(now);
            let policy = policy.escape_debug();
            let _ = write!(io::stderr(), "\r\x1b[K{:3.0} %  {policy}, seed {seed}", share * 100.0);
        }
    }

    fn clear(&self) {
        if self.0.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
