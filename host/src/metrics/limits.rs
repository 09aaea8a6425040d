//! What has come of the limits of routes.

use std::fmt;

use pointsman_core::request_limit::{ByReason, RequestLimit};

use super::families::Families;
use super::scrape::Scrape;

/// Without a `[limit.NAME]` there is no series.
pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let limits = &scrape.status.counts.limits;
    let by_reason = |counts: fn(&RequestLimit) -> ByReason| {
        limits.iter().flat_map(move |limit| {
            let ByReason { rate, concurrency } = counts(limit);
            [("rate", rate), ("concurrency", concurrency)]
                .map(|(reason, count)| ([("limit", &*limit.name), ("reason", reason)], count))
        })
    };
    let refused = by_reason(|limit| limit.counts.limited());
    families.counter(("limit_refused_requests", "Requests that were over a limit"), refused)?;
    let dry = by_reason(|limit| limit.counts.would_be_limited());
    let described = ("limit_dry_run_requests", "Requests that were over a limit whose dry run let them pass");
    families.counter(described, dry)?;
    let of_each = |number: fn(&RequestLimit) -> u64| {
        limits.iter().map(move |limit| ([("limit", &*limit.name)], number(limit)))
    };
    let of_each_now = |number: fn(&RequestLimit) -> usize| {
        limits.iter().map(move |limit| ([("limit", &*limit.name)], number(limit) as f64))
    };
    let described =
        ("limit_keys", "Places that hold a key; an idle one keeps its place until another needs it");
    families.gauge(described, of_each_now(RequestLimit::keys))?;
    let described = ("limit_keys_limit", "Places for keys");
    families.gauge(described, of_each_now(RequestLimit::most_keys))?;
    let described = ("limit_keys_forgotten", "Keys that gave way to others although they weren't idle");
    families.counter(described, of_each(|limit| limit.counts.forgotten()))?;
    let described =
        ("limit_keys_shared", "Requests that shared a place with others, as their key found none");
    families.counter(described, of_each(|limit| limit.counts.shared()))
}
