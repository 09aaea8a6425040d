//! `compression algo`, `compression type`.

use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::media_type;
use super::super::value;
use super::chain::Chain;

/// The compression that a section asks for; no keys if none.
pub(super) fn of(ledger: &mut Ledger, chain: &Chain<'_>) -> Keys {
    let mut keys = Keys::default();
    let Some(algorithms) = chain.find("compression algo") else { return keys };
    if !algorithms.words[2..].iter().any(|word| ["gzip", "deflate", "raw-deflate"].contains(&word.as_str())) {
        return keys;
    }
    ledger.carry(algorithms.place);
    keys.set("algorithms", value::texts(["gzip"]));
    let mut types: Vec<String> = Vec::new();
    for line in chain.nearest("compression type") {
        ledger.carry(line.place);
        for written in &line.words[2..] {
            let written = if written.ends_with('/') { format!("{written}*") } else { written.clone() };
            match media_type::is_one(&written) {
                true if types.contains(&written) => {}
                true => types.push(written),
                false => ledger.list_piece(
                    line.place,
                    &written,
                    Rank::B,
                    "is no media type that can be named here",
                ),
            }
        }
    }
    if types.is_empty() {
        ledger.near(algorithms.place, "only types of text and the like are compressed; see `types`");
    } else {
        keys.set("types", value::texts(types));
    }
    keys.set("min_size", value::size(0));
    keys
}
