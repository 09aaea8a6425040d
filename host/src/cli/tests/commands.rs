//! Examples of command lines.

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::admin;
use crate::cli::Arguments;

/// Programs of others that examples call.
const FOREIGN: [&str; 16] = [
    "apt",
    "cd",
    "chmod",
    "chown",
    "cp",
    "export",
    "install",
    "kill",
    "kubectl",
    "mv",
    "openssl",
    "mkdir",
    "podman",
    "promtool",
    "systemctl",
    "systemd-sysusers",
];

/// The commands of a script are parsed by what they call: those of this program by its own parser, those of `cargo xtask` by its list,
/// requests to the API by its document.
pub(super) fn check(script: &str) -> Result<(), String> {
    for line in script.replace("\\\n", " ").lines() {
        for command in commands(line).map_err(|fault| format!("{line}: {fault}"))? {
            one(&command).map_err(|fault| format!("{line}: {fault}"))?;
        }
    }
    Ok(())
}

fn one(words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pointsman", ..] => match Arguments::try_parse_from(&words) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
        ["cargo", "xtask", command, ..] => {
            let source = include_str!("../../../../xtask/src/main.rs");
            match source.contains(&format!("\n  {command} ")) {
                true => Ok(()),
                false => Err(format!("there is no command `{command}` in xtask")),
            }
        }
        ["cargo", "build" | "test" | "doc" | "install" | "wasm", ..] => Ok(()),
        ["curl", arguments @ ..] => curl(arguments),
        [program, ..] if FOREIGN.contains(program) => Ok(()),
        other => Err(format!("nothing checks {other:?}")),
    }
}

/// What is between backticks in a sentence may leave out what a command needs, and nothing else.
pub(super) fn mentioned(line: &str) -> Result<(), String> {
    for words in commands(line)? {
        if let Err(error) = Arguments::try_parse_from(&words) {
            match error.kind() {
                ErrorKind::MissingRequiredArgument
                | ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelp
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {}
                // Capitals stand for a value: `POOL/BACKEND`, `N`.
                ErrorKind::ValueValidation if words.iter().any(|word| is_placeholder(word)) => {}
                _ => return Err(error.to_string()),
            }
        }
    }
    Ok(())
}

fn is_placeholder(word: &str) -> bool {
    word.starts_with(|sign: char| sign.is_ascii_uppercase())
        && !word.contains(|sign: char| sign.is_ascii_lowercase())
}

/// A request to the API is one that it knows, and what it sends as JSON is that.
fn curl(arguments: &[&str]) -> Result<(), String> {
    let value = |names: [&str; 2]| {
        let place = arguments.iter().position(|word| names.contains(word))?;
        arguments.get(place + 1).copied()
    };
    if let Some(body) = value(["-d", "--data"]) {
        serde_json::from_str::<serde_json::Value>(body).map_err(|error| format!("{body}: {error}"))?;
    }
    let url = arguments.iter().find(|word| word.contains("://")).ok_or("curl without an address")?;
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    match path.starts_with("api/") {
        true => route(value(["-X", "--request"]).unwrap_or("GET"), &format!("/{path}")),
        false => Ok(()),
    }
}

/// Whether the API has such a route.
pub(super) fn route(method: &str, path: &str) -> Result<(), String> {
    let path = path.split('?').next().unwrap_or_default();
    let document = admin::document();
    let paths = document["paths"].as_object().ok_or("a document without paths")?;
    let fits = |template: &str| {
        let (mut have, mut want) = (path.split('/'), template.split('/'));
        have.by_ref().zip(want.by_ref()).all(|(have, want)| have == want || want.starts_with('{'))
            && path.split('/').count() == template.split('/').count()
    };
    let known = paths
        .iter()
        .any(|(template, methods)| fits(template) && methods.get(method.to_lowercase()).is_some());
    if known { Ok(()) } else { Err(format!("the API has no {method} {path}")) }
}

/// The commands of a line of a shell, each as its words: comments end it; `&&`, `|` and `;` divide it; quotes hold words together.
fn commands(line: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '#' if word.is_none() => break,
            '\'' | '"' => {
                let (text, rest) = signs.as_str().split_once(sign).ok_or("a quote has no end")?;
                word.get_or_insert_default().push_str(text);
                signs = rest.chars();
            }
            ' ' | '\t' => words.extend(word.take()),
            '&' | '|' | ';' => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    all.push(words);
    all.retain(|words| !words.is_empty());
    Ok(all)
}

#[test]
fn a_line_is_split_as_a_shell_does() {
    let split =
        |line| commands(line).expect("commands").iter().map(|words| words.join("|")).collect::<Vec<_>>();
    assert_eq!(split("a 'b c' --d=\"e f\" # g"), ["a|b c|--d=e f"]);
    assert_eq!(split("a && b c | d; e"), ["a", "b|c", "d", "e"]);
    assert_eq!(split("# all of it"), [""; 0]);
    assert!(commands("a 'b").is_err());
}
