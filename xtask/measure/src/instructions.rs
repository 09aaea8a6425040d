//! `cargo xtask instructions`: how many instructions a request costs, held against what is recorded.
//!
//! Time wanders, instructions don't: a worker of a running proxy is single-stepped from the moment it has received a request until
//! it waits for the backend, and again from the backend's response until it waits for the next request. So every
//! instruction of the path counts, in user mode, the guest's compiled code included, and nothing else: no start-up, no timer,
//! no other thread.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo;
use figures::{Figures, Verdict};
use steps::Counted;
use subject::Subject;

mod backends;
mod client;
mod count;
mod figures;
mod proxy;
mod routes;
mod steps;
mod subject;
mod traced;

/// What is counted, and what becomes of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write the figures down instead of holding them against those on record
    #[arg(long)]
    record: bool,
    /// Count this Pointsman, without a comparison
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    pointsman: Option<PathBuf>,
    /// Only build the program whose instructions are counted
    #[arg(long, conflicts_with_all = ["record", "pointsman", "only"])]
    build_only: bool,
    /// Count only this, without a comparison
    #[arg(long, value_name = "NAME", conflicts_with = "record")]
    only: Option<String>,
}

/// Counts the instructions of these, as many at a time as there are CPUs: a count doesn't depend on what else runs.
fn count_all(binary: &Path, subjects: Vec<Subject>) -> Result<Vec<(&'static str, Counted)>> {
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut counted = Vec::new();
        while let Some((place, subject)) =
            subjects.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
        {
            let figures = count::of(binary, *subject).with_context(|| subject.name.to_owned())?;
            counted.push((place, subject.name, figures));
        }
        anyhow::Ok(counted)
    };
    let lanes = thread::available_parallelism()?.get();
    let mut counted = thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<Result<Vec<_>>>()
    })?
    .concat();
    counted.sort_by_key(|(place, ..)| *place);
    Ok(counted.into_iter().map(|(_, name, figures)| (name, figures)).collect())
}

/// Counts, prints, and fails if a figure has grown.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("xtask: instructions are counted on x86-64 Linux only");
        return Ok(());
    }
    if !steps::are_permitted()? {
        eprintln!(
            "xtask: instructions are not counted: ptrace(2) of a child process isn't permitted here (in a container: it takes \
             the capability SYS_PTRACE)"
        );
        return Ok(());
    }
    let binary = match &options.pointsman {
        Some(binary) => binary.clone(),
        None => cargo::build_counted()?,
    };
    if options.build_only {
        return Ok(());
    }
    let subjects: Vec<Subject> = match &options.only {
        Some(name) => vec![Subject::named(name).with_context(|| format!("nothing is called {name}"))?],
        None => Subject::all().collect(),
    };
    let counted = count_all(&binary, subjects)?;
    println!("{:<14}{:>16}{:>20}{:>14}", "what", "per request", "of them the guest's", "system calls");
    for (name, Counted { request, guest, calls }) in &counted {
        println!("{name:<14}{request:>16}{guest:>20}{calls:>14}");
    }
    if options.pointsman.is_some() || options.only.is_some() {
        return Ok(());
    }
    let counted = Figures::of(counted)?;
    if options.record {
        return counted.write();
    }
    match counted.against(&Figures::read()?) {
        Verdict::Same => {
            println!("as on record");
            Ok(())
        }
        Verdict::MadeWithOther(recorded) => {
            println!("not compared: those on record were made with {recorded}");
            Ok(())
        }
        Verdict::Shrunk(what) => {
            println!("{what}\nFewer than on record: write it down with `cargo xtask instructions --record`.");
            Ok(())
        }
        Verdict::Grown(what) => bail!(
            "{what}\nMore than {}% over the record. If it has to be, `cargo xtask instructions --record` puts the new figures \
             into the same commit.",
            figures::TOLERANCE_PERCENT
        ),
    }
}
