//! nginx: servers with their locations become listeners and routes, upstreams become pools.

mod answer;
mod catalogue;
mod compression;
mod condition;
mod error_page;
mod guards;
mod headers;
mod lexer;
mod limits;
mod listeners;
mod location;
mod mirror;
mod outcome;
mod pass;
mod path;
mod precedence;
mod quantity;
mod reach;
mod routes;
mod scope;
mod server;
mod site;
mod split;
mod sticky;
mod tls;
mod tree;
mod upstream;
mod variables;

use std::path::Path;

use super::draft::Draft;
use super::ledger::Ledger;
use super::paths::Paths;
use super::text::{Files, Unreadable};

/// What begins a section of HAProxy's, and nothing of nginx's.
const OTHERS: [&str; 5] = ["global", "defaults", "frontend", "backend", "listen"];

/// Makes a configuration of a file and all that it includes.
pub(super) fn import(
    ledger: &mut Ledger,
    files: &mut Files,
    (path, text): (&Path, &str),
    (workers, paths): (u64, &Paths),
) -> Result<Draft, Unreadable> {
    refuse_haproxy(path, text)?;
    let directives = tree::Reader::new(ledger, files).text(path, text)?;
    Ok(site::import(ledger, &directives, workers, paths))
}

/// The other program's language has sections without braces.
fn refuse_haproxy(path: &Path, text: &str) -> Result<(), Unreadable> {
    let section = text.lines().enumerate().find(|(_, line)| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let name = words.clone().next().unwrap_or_default();
        // `listen 80` is a directive of nginx without its end.
        let is_address = name.starts_with(|sign: char| sign.is_ascii_digit() || "[*".contains(sign));
        let is_section = OTHERS.contains(&first) && !(first == "listen" && (is_address || name.is_empty()));
        let is_ended =
            line.contains([';', '{']) || !line.starts_with(|sign: char| sign.is_ascii_alphabetic());
        is_section && !is_ended && words.count() <= 3
    });
    match section {
        Some((number, line)) => Err(Unreadable {
            file: path.display().to_string(),
            line: Some(number + 1),
            message: format!("`{}` begins a section of HAProxy", tree::excerpt(line.trim())),
            hint: "use `pointsman import haproxy`".into(),
        }),
        None => Ok(()),
    }
}
