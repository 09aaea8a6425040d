//! `split` of a route: several pools by weight.

use pointsman_core::shares::Shares;

use super::super::model::{SplitConfig, SplitCookie};
use super::super::read::{Section, Value};
use super::{key, pool};

const HINT: &str = "write `split = { pools = { web = 95, next = 5 } }`";
const COOKIE: &str = "write `cookie = { name = \"NAME\" }`";

/// Most weight of a pool.
const MOST: u32 = 1_000_000;

pub(super) fn split(value: &Value<'_>, pools: &[&str]) -> Option<SplitConfig> {
    Section::read(value, HINT, |section| {
        let shares = section.required("pools", "pools = { web = 95, next = 5 }");
        let shares = shares.and_then(|value| shares_of(&value, pools));
        let by = section.get("by").map_or(Some(None), |value| {
            let is_random = value.raw().as_str() == Some("random");
            if is_random { Some(None) } else { key::key(&value, "`random`, ").map(Some) }
        });
        let cookie = section.get("cookie").map_or(Some(None), |value| cookie(&value).map(Some));
        Some(SplitConfig { shares: shares?, by: by?, cookie: cookie? })
    })
}

/// The pools with their weights, in the order of the file.
fn shares_of(value: &Value<'_>, pools: &[&str]) -> Option<Vec<(usize, u32)>> {
    let entries = value.entries(HINT)?;
    // All are read, so that each fault is found.
    let read: Vec<Option<(usize, u32)>> = entries
        .iter()
        .map(|(name, weight)| {
            let (index, weight) = (pool::index(weight, name, pools), weight.integer(0..=MOST));
            index.zip(weight)
        })
        .collect();
    let shares = read.into_iter().collect::<Option<Vec<_>>>()?;
    if Shares::new(shares.iter().map(|(_, weight)| *weight)).is_none() {
        value.fail("has no weight above 0, so that nothing goes anywhere", HINT);
        return None;
    }
    Some(shares)
}

fn cookie(value: &Value<'_>) -> Option<SplitCookie> {
    if value.raw().as_str().is_some() {
        return Some(SplitCookie { name: key::cookie_name(value, value.string()?)?, max_age: None });
    }
    Section::read(value, COOKIE, |section| {
        let name = section.required("name", "name = \"group\"");
        let name = name.and_then(|value| key::cookie_name(&value, value.string()?));
        let max_age = section.optional_duration("max_age", key::COOKIE_AGE);
        Some(SplitCookie { name: name?, max_age })
    })
}
