//! What isn't said by options, asked for on the terminal.

use std::io::{BufRead, Result as IoResult, Write};

use anyhow::Result;
use pointsman_core::printable::Printable;

use super::arguments::{ADMIN, Arguments, POLICY};
use super::backend;
use super::text::{Choices, PolicyChoice, by_option, option};
use crate::config::{Config, PolicySource};
use crate::control::plugin_file;

/// The terminal, both ways.
struct Dialogue<'a, R, W> {
    answers: &'a mut R,
    out: &'a mut W,
}

impl<R: BufRead, W: Write> Dialogue<'_, R, W> {
    fn say(&mut self, line: &str) -> IoResult<()> {
        writeln!(self.out, "{}", Printable::text(line))
    }

    /// An answer, or the default; none if there are no more answers.
    fn read(&mut self, default: &str) -> IoResult<Option<String>> {
        match default {
            "" => write!(self.out, "> ")?,
            default => write!(self.out, "[{default}] > ")?,
        }
        self.out.flush()?;
        let mut line = Vec::new();
        if self.answers.read_until(b'\n', &mut line)? == 0 {
            writeln!(self.out)?;
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let answer = line.trim();
        Ok(Some(if answer.is_empty() { default } else { answer }.to_owned()))
    }

    /// Asks until `take` has no fault to find with the answer. `false` if there are no more answers.
    fn settle(
        &mut self,
        question: &str,
        default: &str,
        mut take: impl FnMut(&str) -> Result<(), String>,
    ) -> IoResult<bool> {
        self.say("")?;
        self.say(question)?;
        loop {
            let Some(answer) = self.read(default)? else { return Ok(false) };
            match take(&answer) {
                Ok(()) => return Ok(true),
                Err(fault) => self.say(&fault)?,
            }
        }
    }
}

/// Asks for everything that no option has said. `None` if the answers end before that.
pub(super) fn ask(
    arguments: &Arguments,
    answers: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<Option<Choices>> {
    let mut dialogue = Dialogue { answers, out };
    let mut choices = Choices::from_options(arguments)?;
    dialogue.say(
        "A few questions; Enter takes what is in brackets. Nothing is written before the last answer.",
    )?;
    if arguments.listen.is_none() {
        let default = choices.listen.clone();
        let asked = dialogue.settle(
            "Where do clients connect? IP:PORT; 0.0.0.0 stands for every address of this machine.",
            &default,
            |answer| {
                choices.listen = answer.to_owned();
                fault(&choices, arguments, "--listen")
            },
        )?;
        if !asked {
            return Ok(None);
        }
    }
    let question = "Where do requests go? HOST:PORT of each backend, with spaces between; 127.0.0.1:9000,name=a,weight=2 says more of one.";
    let asked = dialogue.settle(question, "", |answer| {
        let parsed = answer.split_whitespace().map(backend::parse).collect::<Result<Vec<_>, _>>();
        choices.backends = parsed?;
        match choices.backends.is_empty() {
            true => Err("at least one is needed, such as 127.0.0.1:9000".into()),
            false => fault(&choices, arguments, "--backend"),
        }
    })?;
    if !asked || !ask_for_the_rest(arguments, &mut dialogue, &mut choices)? {
        return Ok(None);
    }
    Ok(Some(choices))
}

/// What has a default that most take. `false` if there are no more answers.
fn ask_for_the_rest<R: BufRead, W: Write>(
    arguments: &Arguments,
    dialogue: &mut Dialogue<'_, R, W>,
    choices: &mut Choices,
) -> IoResult<bool> {
    if arguments.policy.is_none() {
        // What needs more than a name is for those who have read about it.
        let names =
            pointsman_policy::names().filter(|name| pointsman_policy::required_config(name).is_none());
        let names: Vec<&str> = names.collect();
        let question =
            format!("What picks the backend? One of {}, or a .wasm file of yours.", names.join(", "));
        let asked = dialogue.settle(&question, POLICY, |answer| {
            choices.policy =
                PolicyChoice::read(answer, &arguments.output).map_err(|error| error.to_string())?;
            fault(choices, arguments, "--policy")
        })?;
        if !asked {
            return Ok(false);
        }
    }
    if arguments.health.is_none() {
        let asked = dialogue.settle(
            "Which path of a backend tells whether it is well? Such as /healthz.",
            "none",
            |answer| {
                choices.health = chosen(answer);
                fault(choices, arguments, "--health")
            },
        )?;
        if !asked {
            return Ok(false);
        }
    }
    if arguments.admin.is_some() {
        return Ok(true);
    }
    dialogue.settle("Where is the admin server, for `pointsman ctl`? IP:PORT, or none.", ADMIN, |answer| {
        choices.admin = chosen(answer);
        fault(choices, arguments, "--admin")
    })
}

fn chosen(answer: &str) -> Option<String> {
    (!["none", "no", "n"].contains(&answer)).then(|| answer.to_owned())
}

/// What is wrong with the choices as far as one option is to blame.
fn fault(choices: &Choices, arguments: &Arguments, of: &str) -> Result<(), String> {
    let config = match Config::parse(&choices.text(), &arguments.output) {
        Ok(config) => config,
        Err(faults) => {
            let faults = faults.iter().find(|fault| option(&fault.key) == Some(of));
            return faults.map_or(Ok(()), |fault| {
                Err(by_option(fault).trim_start_matches(of).trim_start_matches(": ").to_owned())
            });
        }
    };
    let unknown = |source: &PolicySource| plugin_file::find(source, None).err();
    match config.pools.iter().find_map(|pool| unknown(&pool.policy.source)) {
        Some(error) if of == "--policy" => Err(error.to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
