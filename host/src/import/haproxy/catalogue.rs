//! What the loss of a line means that nothing else has spoken for.

use super::super::ledger::{Ledger, Rank};
use super::super::meaning;
use super::sections::{Line, Section};

/// Keywords of `global`.
const GLOBAL: &str = include_str!("catalogue_global.txt");

/// Lines of all that has connections or servers.
const PROXY: &str = include_str!("catalogue_proxy.txt");

/// Sections that are nothing here.
const SECTIONS: &str = include_str!("catalogue_sections.txt");

/// The entry whose name has the most words in common with a line.
fn find(entries: &'static str, line: &Line) -> Option<(Rank, &'static str)> {
    let of_length =
        |words: usize| meaning::find(entries, |name| name.split(' ').count() == words && is(line, name));
    of_length(3).or_else(|| of_length(2)).or_else(|| of_length(1))
}

/// A name that ends in a dot stands for all that begin with it, and so does an action with its arguments in parentheses.
fn is(line: &Line, name: &str) -> bool {
    name.split(' ').zip(line.words.iter().map(String::as_str).chain(std::iter::repeat(""))).all(
        |(name, word)| {
            name == word
                || name.ends_with('.') && word.starts_with(name)
                || word.split('(').next() == Some(name)
        },
    )
}

/// What is known of a line by its keyword.
pub(super) fn known(section: &Section, line: &Line) -> Option<(Rank, &'static str)> {
    match section.kind() {
        "global" => {
            let tuned = line
                .word(0)
                .starts_with("tune.")
                .then_some((Rank::C, "buffers and tables are set as they should be"));
            tuned.or_else(|| find(GLOBAL, line))
        }
        "defaults" | "frontend" | "backend" | "listen" => {
            let limits = line.is("stick-table")
                && line.words.iter().any(|word| word.contains("_rate(") || word.contains("conn_cur"));
            match limits {
                true => Some((Rank::A, "nothing counts what clients ask, so that nothing limits it")),
                false => find(PROXY, line),
            }
        }
        _ => find(SECTIONS, &section.header),
    }
}

/// Lists what nothing has become of.
pub(super) fn list(ledger: &mut Ledger, section: &Section) {
    if ledger.is_open(section.header.place) {
        match find(SECTIONS, &section.header) {
            Some((rank, why)) => ledger.list(section.header.place, rank, why),
            None => ledger.carry(section.header.place),
        }
    }
    for line in section.lines.iter() {
        if !ledger.is_open(line.place) {
            continue;
        }
        match known(section, line) {
            Some((rank, why)) => ledger.list(line.place, rank, why),
            None => ledger.list(
                line.place,
                Rank::A,
                "the import doesn't know this line, which may protect something; look up what it does",
            ),
        }
    }
}

/// Lists a section that isn't carried over: its first line and each `bind`; what protects by its own rank.
pub(super) fn list_section(ledger: &mut Ledger, section: &Section, rank: Rank, why: &str) {
    ledger.list(
        section.header.place,
        rank,
        format!("{why}; the {} lines of the section go with it", section.lines.len()),
    );
    for line in &section.lines {
        if line.is("bind") {
            ledger.list(line.place, Rank::B, "clients find no listener there");
        } else if ledger.is_open(line.place) {
            ledger.cover(line.place);
        }
    }
}
