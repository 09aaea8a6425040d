//! `cargo xtask bench`: Pointsman beside nginx and HAProxy, doing the same work on this machine.
//!
//! How it measures, and how its results are to be read, is in tests/bench/RESULTS.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo;
use crate::certificate::Certificate;
pub(crate) use contender::POLICIES;
use contender::Programs;
use interrupt::Interrupt;
use machine::{Machine, SystemLoad};
use placement::Cpus;
use report::Report;
use run_length::RunLength;
use scenario::{Field, GROWTH, MEMORY, SCENARIOS};
use session::Session;

mod backend;
mod chart;
mod contender;
mod generator;
mod growth;
mod grpc;
mod hpack;
mod interrupt;
mod machine;
mod memory;
mod negotiated;
mod participant;
mod placement;
mod poller;
mod report;
mod response;
mod run_length;
mod same_work;
mod scenario;
mod schedule;
mod session;
mod speech;
mod statistics;
mod syscalls;
mod table;
mod template;
mod transport;
mod turn;
mod usage;

/// Load average above which numbers are no good.
const BUSY: f64 = 0.5;

/// What is to be measured, and how thoroughly.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Short turns and few rounds: rough numbers in some seven minutes
    #[arg(long)]
    quick: bool,
    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Rounds at the same rate, 1 to 1000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// Folder for results.json and ratios.svg
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    output: PathBuf,
    /// Measure this Pointsman instead of building one
    #[arg(long, value_name = "FILE")]
    pointsman: Option<PathBuf>,
    /// Measure another Pointsman in the same rounds, such as one without a change
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Name the scenarios, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
}

/// Names the scenarios.
pub(crate) fn list() {
    for scenario in SCENARIOS {
        println!("{:<18}{}", scenario.name, scenario.what);
    }
    println!("{MEMORY:<18}idle with two workers, and for each of 10,000 idle connections");
    println!("{GROWTH:<18}memory of Pointsman, looked at between ten million requests");
}

/// Measures what is asked for, prints it and writes it down.
pub(crate) fn run(options: &Options) -> Result<()> {
    let names = || SCENARIOS.iter().map(|scenario| scenario.name).chain([MEMORY, GROWTH]);
    if let Some(unknown) = options.only.iter().find(|name| names().all(|known| known != name.as_str())) {
        bail!("there is no scenario `{unknown}`; there are: {}", names().collect::<Vec<_>>().join(", "));
    }
    let pointsman = match &options.pointsman {
        Some(binary) => binary.clone(),
        None => cargo::build_pointsman("release")?,
    };
    let interrupt = Interrupt::listen()?;
    let programs = Programs::find(pointsman, options.beside.clone());
    let cpus = Cpus::allowed()?;
    let mut length = if options.quick { RunLength::QUICK } else { RunLength::FULL };
    length.rounds = options.rounds.map_or(length.rounds, usize::from);
    let files = machine::raise_file_limit();
    let certificate = Certificate::make()?;
    let session = Session {
        programs: &programs,
        length,
        cpus,
        files,
        interrupt: &interrupt,
        certificate: &certificate,
    };
    let mut report = Report {
        began: SystemTime::UNIX_EPOCH.elapsed().as_ref().map_or(0, Duration::as_secs),
        quick: options.quick,
        commit: commit(),
        machine: Machine::describe(&cpus),
        versions: report::versions(&programs.field(Field::All))?,
        scenarios: Vec::new(),
        memory: Vec::new(),
        growth: None,
    };
    println!("{}", report.machine.line());
    let load = SystemLoad::now().load;
    if load > BUSY {
        eprintln!(
            "xtask: other programs use this machine (load average {load:.1}): the numbers will be rough"
        );
    }
    for (name, version) in &report.versions {
        println!("{name}: {version}");
    }

    measure(options, &session, &mut report)
}

/// Measures what was chosen, into the report.
fn measure(options: &Options, session: &Session<'_>, report: &mut Report) -> Result<()> {
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    for scenario in SCENARIOS.iter().filter(|scenario| chosen(scenario.name)) {
        let measured = session.measure(scenario);
        let measured = measured.with_context(|| format!("scenario {}", scenario.name))?;
        print!("{}", table::scenario(&measured));
        report.scenarios.push(measured);
        // After each, so that an interrupted session has what it got to.
        write(&options.output, report)?;
    }
    if chosen(MEMORY) {
        report.memory = session.measure_memory().context("scenario memory")?;
        print!("{}", table::memory(&report.memory));
        write(&options.output, report)?;
    }
    if chosen(GROWTH) {
        let growth = session.measure_growth().context("scenario growth")?;
        print!("{}", table::growth(&growth));
        report.growth = Some(growth);
        write(&options.output, report)?;
    }
    Ok(())
}

/// Puts a Pointsman through every scenario, for what it counts on the way.
///
/// # Errors
///
/// It fails, or was interrupted.
pub(crate) fn train(pointsman: &Path) -> Result<()> {
    let (interrupt, cpus) = (Interrupt::listen()?, Cpus::allowed()?);
    let programs = Programs::alone(pointsman.to_owned());
    let length = RunLength { rounds: 1, ..RunLength::QUICK };
    let files = machine::raise_file_limit();
    let certificate = Certificate::make()?;
    let session = Session {
        programs: &programs,
        length,
        cpus,
        files,
        interrupt: &interrupt,
        certificate: &certificate,
    };
    for scenario in &SCENARIOS {
        session.measure(scenario).with_context(|| format!("scenario {}", scenario.name))?;
    }
    Ok(())
}

fn write(folder: &Path, report: &Report) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    write("results.json", serde_json::to_string_pretty(report)? + "\n")?;
    chart::draw(report).map_or(Ok(()), |chart| write("ratios.svg", chart))
}

/// What is measured, as version control names it; `unknown` without.
fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"]).current_dir(cargo::ROOT);
    let said = git.output().ok().filter(|output| output.status.success());
    said.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
