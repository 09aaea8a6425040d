//! What the loss of a directive means that nothing else has spoken for.

use super::super::ledger::{Ledger, Place, Rank};
use super::super::meaning;
use super::guards;
use super::tree::Directive;

/// Each entry is a line with its rank and why, and lines with names below it.
const ENTRIES: &str = include_str!("catalogue.txt");

/// What is known of a directive by its name.
pub(super) fn known(name: &str) -> Option<(Rank, &'static str)> {
    meaning::find(ENTRIES, |known| known == name)
}

/// Lists what nothing has become of.
pub(super) fn list(ledger: &mut Ledger, directive: &Directive) {
    if !ledger.is_open(directive.place) {
        return;
    }
    match known(&directive.name) {
        _ if directive.name == "if" && guards::keeps_by_redirect(directive) => ledger.list(
            directive.place,
            Rank::A,
            "what fits this is sent elsewhere, such as to a login, and goes to the backend here; give it a route with `redirect`",
        ),
        Some((rank, why)) => ledger.list(directive.place, rank, why),
        None => ledger.list(
            directive.place,
            Rank::A,
            "the import doesn't know this directive, which may protect something; look up what it does",
        ),
    }
}

/// Lists a block that isn't carried over, and all that stands in it: what protects by its own rank, the rest by the block's.
pub(super) fn list_block(ledger: &mut Ledger, block: &Directive, rank: Rank, why: &str) {
    ledger.list(block.place, rank, why);
    let line = ledger.line(block.place);
    let mut inside: Vec<(Place, String)> = Vec::new();
    block.each(&mut |child| inside.push((child.place, child.name.clone())));
    for (place, name) in inside {
        if !ledger.is_open(place) {
            continue;
        }
        match known(&name) {
            Some((Rank::A, why)) => ledger.list(place, Rank::A, why),
            _ => ledger.list(
                place,
                Rank::B,
                format!("goes with its block (line {line}), which isn't carried over"),
            ),
        }
    }
}
