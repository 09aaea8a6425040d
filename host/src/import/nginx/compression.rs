//! `gzip` and `brotli`.

use super::super::draft::PoolDraft;
use super::super::ledger::{Ledger, Rank};
use super::super::media_type;
use super::super::value;
use super::quantity;
use super::scope::Scope;

/// Writes the compression of a pool's responses, if there is any.
pub(super) fn write(ledger: &mut Ledger, scope: &Scope<'_>, pool: &mut PoolDraft) {
    let mut algorithms = Vec::new();
    let mut types = vec!["text/html".to_owned()];
    let mut least = u64::MAX;
    for (name, algorithm, level_key, default) in
        [("brotli", "br", "br_level", 6), ("gzip", "gzip", "gzip_level", 1)]
    {
        let Some(switch) = scope.find(name) else { continue };
        ledger.carry(switch.place);
        if switch.arg(0) != "on" {
            continue;
        }
        algorithms.push(algorithm);
        let find = |what: &str| scope.find(&format!("{name}_{what}"));
        if let Some(found) = find("types") {
            ledger.carry(found.place);
            for written in &found.args {
                match media_type::is_one(written) {
                    true if types.contains(written) => {}
                    true => types.push(written.clone()),
                    false => ledger.list_piece(
                        found.place,
                        written,
                        Rank::B,
                        "is no media type that can be named here",
                    ),
                }
            }
        }
        let length = find("min_length");
        least = least.min(length.and_then(|found| quantity::size(found.arg(0))).unwrap_or(20));
        let level = find("comp_level");
        let number = level.and_then(|found| found.arg(0).parse::<u64>().ok()).unwrap_or(default);
        pool.responses.compression.set(level_key, number.clamp(1, 6).to_string());
        length.iter().chain(&level).for_each(|found| ledger.carry(found.place));
        if let Some(level) = level.filter(|_| number > 6) {
            ledger.near(level.place, "the highest level is 6, so that no worker is held up");
        }
        if let Some(found) = find("vary") {
            ledger.carry(found.place);
        }
        if let Some(found) = find("proxied") {
            ledger.near(found.place, "responses to requests with `Via` are compressed like others");
        }
    }
    if algorithms.is_empty() {
        return;
    }
    pool.responses.compression.set("algorithms", value::texts(algorithms));
    pool.responses.compression.set("types", value::texts(types));
    pool.responses.compression.set("min_size", value::size(least.min(value::GIB)));
}
