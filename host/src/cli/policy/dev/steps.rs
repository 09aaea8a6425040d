//! From a source to a version that picks: a line for each step.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::folder::PolicyFolder;
use crate::console;

/// What `pointsman ctl` exits with if there is no proxy to ask.
const UNREACHABLE: i32 = 3;

/// What is done after each change.
pub(super) struct Round {
    folder: PathBuf,
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// What is said of it when it went well, from what it has printed.
    said: fn(&str) -> String,
    /// With this exit code it couldn't be taken, which is no fault of the policy.
    skipped: Option<i32>,
}

impl Round {
    /// The steps of a folder.
    pub(super) fn of(folder: &PolicyFolder) -> Result<Self> {
        let own = env::current_exe().context("cannot find this program")?;
        let plugin = folder.plugin.display().to_string();
        let own = |name, arguments: &[&str], said| Step {
            name,
            program: own.clone(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            said,
            skipped: None,
        };
        let mut steps = vec![
            Step {
                name: "build",
                program: "sh".into(),
                arguments: vec!["-euc".to_owned(), folder.build.clone()],
                said: |_| String::new(),
                skipped: None,
            },
            own("check", &["policy", "check", &plugin], check),
        ];
        if folder.has_scenarios() {
            steps.push(own("test", &["policy", "test", &plugin], last_line));
        }
        if let Some(pool) = &folder.pool {
            let swap = own("swap", &["ctl", "swap", pool, &plugin], last_line);
            steps.push(Step { skipped: Some(UNREACHABLE), ..swap });
        }
        Ok(Self { folder: folder.path().to_owned(), steps })
    }

    /// Takes the steps up to the first that fails. Whether all went well.
    pub(super) fn run(&self) -> Result<bool> {
        for step in &self.steps {
            let began = Instant::now();
            let output = step.run(&self.folder)?;
            let took = began.elapsed().as_secs_f64();
            let printed = String::from_utf8_lossy(&output.stdout);
            let told = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                let line = format!("{:<6} ok      {took:>5.1} s  {}", step.name, (step.said)(&printed));
                console::say(line.trim_end())?;
            } else if step.skipped.is_some() && step.skipped == output.status.code() {
                // Up to what to do about it, which is a sentence for each save.
                let why = told.lines().next().and_then(|line| line.split(';').next()).unwrap_or_default();
                let why = why.trim_start_matches("pointsman: ");
                console::say(format_args!("{:<6} skipped {took:>5.1} s  {why}", step.name))?;
            } else {
                console::say(format_args!("{:<6} FAILED  {took:>5.1} s", step.name))?;
                for line in printed.lines().chain(told.lines()) {
                    console::say(format_args!("  {line}"))?;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Step {
    fn run(&self, folder: &Path) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(folder).stdin(Stdio::null());
        command.output().with_context(|| format!("cannot run {}", self.program.display()))
    }
}

/// Size and time of a pick, from what `policy check` prints.
fn check(printed: &str) -> String {
    let of = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (version, size, pick) = (of("version"), of("size"), of("a pick takes"));
    let version = version.map(|version| version.get(..12).unwrap_or(version));
    let pick = pick.map(|pick| format!("a pick takes {pick}"));
    [version.map(str::to_owned), size.map(str::to_owned), pick]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

fn last_line(printed: &str) -> String {
    printed.lines().last().unwrap_or_default().trim().to_owned()
}
