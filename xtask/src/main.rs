//! The project's own commands, for a machine that has Rust and a C compiler and nothing else.

#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod checks;
mod instructions;
mod pgo;
mod wasm_target;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up what is missing, then runs or tests Pointsman.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the demonstration: three backends, the proxy, and a policy swapped under load
    Demo {
        /// Passed on to `pointsman demo`; `--exit` ends it by itself
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Pass every check: format, lints, tests, documentation
    Test {
        /// Only these checks, by name
        only: Vec<String>,
    },
    /// Measure Pointsman beside nginx and HAProxy on this machine
    Bench(bench::Options),
    /// Count the instructions of a request, and fail if they have grown
    Instructions(instructions::Options),
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
    if let Task::Bench(options) = &task
        && options.list
    {
        bench::list();
        return Ok(());
    }
    wasm_target::ensure()?;
    match task {
        Task::Demo { arguments } => {
            eprintln!("xtask: building Pointsman (the first time takes some minutes)");
            let run = ["run", "--release", "--locked", "--quiet", "--package", "pointsman", "--", "demo"];
            cargo::run(run.into_iter().chain(arguments.iter().map(String::as_str)), &[])
        }
        Task::Test { only } => checks::run(&only),
        Task::Bench(options) => bench::run(&options),
        Task::Instructions(options) => instructions::run(&options),
        Task::Pgo => pgo::run(),
    }
}
