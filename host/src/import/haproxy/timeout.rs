//! `timeout`: times of a section or its defaults.

use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::chain::Chain;
use super::quantity;

/// A time of the section or its defaults, within what a timeout may be.
pub(super) fn time(ledger: &mut Ledger, chain: &Chain<'_>, name: &str) -> Option<u64> {
    let line = chain.find(&format!("timeout {name}"))?;
    let Some(time) = quantity::time(line.word(2)) else {
        ledger.list(line.place, Rank::B, "is no time");
        return None;
    };
    let kept = if time == 0 { value::DAY_MS } else { time.min(value::DAY_MS) };
    match kept == time {
        true => ledger.carry(line.place),
        false => ledger.near(line.place, "a timeout is from 1 ms to 24 h here"),
    }
    Some(kept)
}
