//! `mirror` of a route: a share of its requests, which another pool gets as well.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::read::{Section, TIMEOUT, Value, excerpt};
use super::pool;

const HINT: &str = "write `mirror = { pool = \"shadow\", share = \"10%\" }`";

/// Range of `max_body`: as much as this of each mirrored request is held in memory.
const BODY: RangeInclusive<u64> = 0..=16 << 20;

/// A request that another pool gets as well, and of which nobody waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorConfig {
    /// Index of the pool in [`Config::pools`](crate::config::Config::pools).
    pub pool: usize,
    /// Share of the route's requests, in millionths. `share`, 100%.
    pub share: u32,
    /// Requests with longer bodies aren't mirrored, bytes. `max_body`, 64 KiB.
    pub max_body: usize,
    /// Most requests that the pool gets so at a time, over all workers. `max_requests`, 100.
    pub max_requests: u64,
    /// How long one may take until its answer is whole. `timeout`, 10 s.
    pub timeout: Duration,
}

impl MirrorConfig {
    /// What a share is a part of.
    pub const ALL: u32 = 1_000_000;
}

/// What `mirror` says; `served_by` are the pools that the route leads to, if those are known.
pub(super) fn mirror(value: &Value<'_>, pools: &[&str], served_by: Option<&[usize]>) -> Option<MirrorConfig> {
    Section::read(value, HINT, |section| {
        let named = section.required("pool", "pool = \"shadow\"");
        let pool = named.as_ref().and_then(|value| pool::pool(value, pools));
        let share = section.get("share").map_or(Some(MirrorConfig::ALL), |value| share(&value));
        let max_body = section.bytes("max_body", 64 << 10, BODY);
        let max_requests = section.integer("max_requests", 100, 1..=100_000);
        let timeout = section.duration("timeout", Duration::from_secs(10), TIMEOUT);
        let pool = pool?;
        if served_by.is_some_and(<[usize]>::is_empty) {
            value.fail("no pool gets the requests of this route", "leave it out: there is nothing to mirror");
            return None;
        }
        if served_by.is_some_and(|own| own.contains(&pool)) {
            let name = excerpt(pools.get(pool).copied().unwrap_or_default());
            named?.fail(format!("`{name}` gets the requests of this route already"), "name another pool");
            return None;
        }
        Some(MirrorConfig { pool, share: share?, max_body, max_requests, timeout })
    })
}

/// A share as a percentage with at most four digits behind the point, above 0.
fn share(value: &Value<'_>) -> Option<u32> {
    let text = value.string()?;
    let share =
        text.strip_suffix('%').and_then(millionths).filter(|share| (1..=MirrorConfig::ALL).contains(share));
    if share.is_none() {
        let message = format!("`{}` is no share", excerpt(text));
        value.fail(message, "write a percentage from `\"0.0001%\"` to `\"100%\"`");
    }
    share
}

fn millionths(percent: &str) -> Option<u32> {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(part, 4) {
        return None;
    }
    let part: u32 = format!("{part:0<4}").parse().ok()?;
    Some(whole.parse::<u32>().ok()? * 10_000 + part)
}
