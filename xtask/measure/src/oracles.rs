//! `cargo xtask oracles`: simulations whose results are known, by theory or because others have published them.

mod case;
mod cases;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::cargo;
use case::{Case, Figure};
use table::Row;

/// The table of the last run that was kept.
const RECORD: &str = "host/docs/oracles.md";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only cases whose name contains this
    only: Option<String>,
    /// The program to use; default: a release build, which is made anew
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Keep the table in host/docs/oracles.md
    #[arg(long, conflicts_with = "only")]
    record: bool,
}

/// Runs all cases with a release build, and fails if one is further off than its tolerance.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = match &options.program {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => cargo::build_pointsman("release")?,
    };
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut rows = Vec::new();
    for case in cases::all() {
        if options.only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
            continue;
        }
        let found = simulate(&program, folder.path(), &case).with_context(|| case.name.clone())?;
        for (figure, found) in case.figures.iter().zip(found) {
            let row = Row::new(&case, figure, found);
            println!("{row}");
            rows.push(row);
        }
    }
    if options.record {
        let path = Path::new(cargo::ROOT).join(RECORD);
        fs::write(&path, table::page(&rows)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    match rows.iter().filter(|row| !row.holds() && row.known().is_none()).count() {
        0 => Ok(()),
        off => bail!("{off} of {} figures are further off than their tolerance", rows.len()),
    }
}

/// What `pointsman simulate --json` prints, as far as it is needed.
#[derive(Deserialize)]
struct Printed {
    policies: [Policy; 1],
}

#[derive(Deserialize)]
struct Policy {
    time_us: Times,
    within: Vec<Mean>,
    shares: Vec<f64>,
    occupied: Vec<f64>,
    affinity: Option<Mean>,
}

#[derive(Deserialize)]
struct Times {
    mean: Mean,
    p99: Mean,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
}

fn simulate(program: &Path, folder: &Path, case: &Case) -> Result<Vec<f64>> {
    let spec = folder.join("oracle.toml");
    fs::write(&spec, &case.spec)?;
    let output =
        Command::new(program).arg("simulate").arg(&spec).arg("--json").stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{}\n{}", output.status, case.spec);
    }
    let Printed { policies: [policy] } = serde_json::from_slice(&output.stdout)?;
    let found = case.figures.iter().map(|figure| match figure.what {
        Figure::Mean => policy.time_us.mean.mean / case::SERVICE_US,
        Figure::Occupied(least) => policy.occupied.get(least).copied().unwrap_or(0.0),
        Figure::Within => policy.within.first().map_or(0.0, |share| share.mean * 100.0),
        Figure::ShareOfFirst => policy.shares.first().copied().unwrap_or(0.0),
        Figure::P99 => policy.time_us.p99.mean / 1_000.0,
        Figure::Affinity => policy.affinity.as_ref().map_or(0.0, |share| share.mean * 100.0),
    });
    Ok(found.collect())
}
