//! HAProxy: frontends become listeners and routes, backends become pools.

mod acl;
mod answer;
mod backend;
mod bind;
mod catalogue;
mod chain;
mod checks;
mod compression;
mod condition;
mod cookie;
mod error_page;
mod global;
mod headers;
mod lexer;
mod limits;
mod odd;
mod path;
mod protocol;
mod quantity;
mod rules;
mod sections;
mod server;
mod site;
mod timeout;

use std::path::Path;

use super::draft::Draft;
use super::ledger::Ledger;
use super::paths::Paths;
use super::text::{Files, Unreadable};

/// Makes a configuration of a file.
pub(super) fn import(
    ledger: &mut Ledger,
    files: &mut Files,
    (path, text): (&Path, &str),
    (environment, only, paths): (&[(String, String)], Option<&str>, &Paths),
) -> Result<Draft, Unreadable> {
    let name = path.display().to_string();
    refuse_nginx(&name, text)?;
    let sections = sections::read(ledger, &name, text, environment)?;
    if let Some(only) = only
        && !sections.iter().any(|section| section.is_entry() && section.name() == only)
    {
        return Err(Unreadable {
            file: name,
            line: None,
            message: format!("there is no `frontend` or `listen` of the name `{}`", sections::excerpt(only)),
            hint: "name one of the file with `--only`".into(),
        });
    }
    Ok(site::import(ledger, files, &sections, (environment, only), paths))
}

/// The other program's language has blocks in braces, and lines that end in semicolons.
fn refuse_nginx(file: &str, text: &str) -> Result<(), Unreadable> {
    let block = text.lines().enumerate().find(|(_, line)| {
        let line = line.split('#').next().unwrap_or(line).trim();
        let first = line.split([' ', '\t', '{']).next().unwrap_or("");
        line.ends_with('{')
            && ["http", "server", "events", "upstream", "location", "stream", "map"].contains(&first)
            || line.ends_with("};")
            || line.ends_with(';')
                && ["user", "worker_processes", "listen", "server_name", "include", "proxy_pass"]
                    .contains(&first)
    });
    match block {
        Some((number, line)) => Err(Unreadable {
            file: file.to_owned(),
            line: Some(number + 1),
            message: format!("`{}` is nginx's language", sections::excerpt(line.trim())),
            hint: "use `pointsman import nginx`".into(),
        }),
        None => Ok(()),
    }
}
