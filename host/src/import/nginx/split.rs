//! `split_clients`: pools by weight.

use super::super::ledger::Ledger;
use super::limits;
use super::location::Location;
use super::pass::Pools;
use super::tree::Directive;

/// All shares together: hundredths of a percent.
const ALL: u64 = 10_000;

const PERCENT: u64 = 100;

/// The pools of a `proxy_pass` to a variable that `split_clients` sets, with their weights, and what decides. None if it is anything else, or
/// the key is no single part of a request.
pub(super) fn of(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    location: &Location<'_>,
    pass: &Directive,
) -> Option<(Vec<(String, u64)>, String)> {
    let (scheme, variable) = pass.arg(0).split_once("://")?;
    if !variable.starts_with('$') {
        return None;
    }
    let block = location.scope.all(&["split_clients"]).into_iter().find(|block| block.arg(1) == variable)?;
    let by = key(block.arg(0))?;
    let mut shares: Vec<(String, u64)> = Vec::new();
    for (upstream, share) in entries(pools, block)? {
        let target = Directive { args: vec![format!("{scheme}://{upstream}")], ..pass.clone() };
        let Ok((pool, None)) = pools.of(ledger, &location.scope, (&target, location)) else { return None };
        match shares.iter_mut().find(|(name, _)| *name == pool) {
            Some((_, sum)) => *sum += share,
            None => shares.push((pool, share)),
        }
    }
    if shares.iter().all(|(_, share)| share.is_multiple_of(PERCENT)) {
        shares.iter_mut().for_each(|(_, share)| *share /= PERCENT);
    }
    let why = match by.as_str() {
        "client" => "the same shares by another hash: clients may change sides once",
        _ => {
            "the same shares by another hash: clients may change sides once, and chance decides for requests without what decides"
        }
    };
    ledger.near(block.place, why);
    block.children().iter().for_each(|entry| ledger.carry(entry.place));
    ledger.carry(pass.place);
    Some((shares, by))
}

/// The upstreams of the block with their shares, if all of them are known.
fn entries<'b>(pools: &Pools<'_>, block: &'b Directive) -> Option<Vec<(&'b str, u64)>> {
    let mut shares = Vec::new();
    let mut left = ALL;
    for entry in block.children() {
        let share =
            if entry.name == "*" { left } else { share(&entry.name).filter(|share| *share <= left)? };
        left -= share;
        pools.upstreams.iter().find(|upstream| upstream.name == entry.arg(0) && upstream.pool.serves())?;
        shares.push((entry.arg(0), share));
    }
    // What no share is left for goes nowhere in nginx.
    (left == 0).then_some(shares)
}

/// A percentage with at most two digits behind the point, in hundredths.
fn share(written: &str) -> Option<u64> {
    let percent = written.strip_suffix('%')?;
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(part, 2) {
        return None;
    }
    Some(whole.parse::<u64>().ok()? * 100 + format!("{part:0<2}").parse::<u64>().ok()?)
}

/// What decides, if it is one part of a request. What else stands in the key is the same for all, and only makes another hash.
fn key(written: &str) -> Option<String> {
    let (_, variable) = written.split_once('$')?;
    let (name, salt) = match variable.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            variable.split_at(variable.bytes().take_while(is_name).count())
        }
    };
    if salt.contains('$') { None } else { limits::part(name).filter(|part| part != "host") }
}
