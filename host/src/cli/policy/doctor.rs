//! `pointsman policy doctor`.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use pointsman_workshop::doctor::{self, Found};
use pointsman_workshop::scaffold::Language;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::console;

/// How long a tool may take to say its version.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Look for the tools of this language only, and fail if one is missing
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(Language::ALL.map(Language::as_str)).try_map(|name| name.parse::<Language>())
    )]
    lang: Option<Language>,
}

/// Exit codes: 0 = policies can be built in the language that was asked for, or in one at least; 1 = they can't.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let languages = arguments.lang.map_or_else(|| Language::ALL.to_vec(), |language| vec![language]);
    let mut is_ready = false;
    for language in languages {
        let diagnosis = doctor::examine(language, &answer);
        is_ready |= diagnosis.is_ready();
        let state = if diagnosis.is_ready() { "ready" } else { "not ready" };
        console::say(format_args!("{:<26}{state}", language.title()))?;
        for (tool, found) in &diagnosis.tools {
            let name = tool.name;
            match found {
                Found::Version(version) if version.is_empty() => {
                    console::say(format_args!("  {name:<24}there"))?;
                }
                Found::Version(version) => console::say(format_args!("  {name:<24}{version}"))?,
                Found::Old(version, (major, minor)) => console::say(format_args!(
                    "  {name:<24}{version} is too old, {major}.{minor} will do: {}",
                    tool.install
                ))?,
                Found::Missing => console::say(format_args!("  {name:<24}missing: {}", tool.install))?,
            }
        }
    }
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a command prints, if it is there and succeeds in time. What takes too long is stopped: a tool may wait for a network.
fn answer(command: &[&str]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    let group = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(LONGEST) else {
        // With what it has started itself. If it is gone by now, so much the better.
        let _ = kill_process_group(group, Signal::KILL);
        return None;
    };
    let output = output.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
