//! What `cargo xtask bench`, `instructions`, `oracles` and `pgo` run: measurements, and the build that follows from one.

#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod certificate;
mod http2;
mod instructions;
mod oracles;
mod pgo;
mod routes;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure Pointsman beside nginx and HAProxy on this machine
    Bench(bench::Options),
    /// Count the instructions of a request, and fail if they have grown
    Instructions(instructions::Options),
    /// Simulate what has a known result, and fail if another one comes
    Oracles(oracles::Options),
    /// Build target/pgo/pointsman, fitted to its own traffic: faster, and many minutes' work
    Pgo,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Bench(options) if options.list => {
            bench::list();
            Ok(())
        }
        Task::Bench(options) => bench::run(&options),
        Task::Instructions(options) => instructions::run(&options),
        Task::Oracles(options) => oracles::run(&options),
        Task::Pgo => pgo::run(),
    }
}
