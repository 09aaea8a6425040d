//! How each policy does: its own of a pool, or that of a route.

use std::fmt;

use pointsman_policy::{FaultKind, PolicySlot, is_uploaded, policy_name};

use super::families::{Families, Label};
use super::scrape::Scrape;

fn slots(scrape: &Scrape) -> impl Iterator<Item = &PolicySlot> {
    let policies = scrape.status.policies.iter().map(|policy| &*policy.slot);
    policies.filter(|slot| scrape.selection.has_pool(&slot.pool().name))
}

fn labels(slot: &PolicySlot) -> [Label<'_>; 2] {
    [("pool", &slot.pool().name), ("route", slot.route().unwrap_or(""))]
}

fn with<'a>(slot: &'a PolicySlot, label: Label<'a>) -> [Label<'a>; 3] {
    let [pool, route] = labels(slot);
    [pool, route, label]
}

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    versions(scrape, families)?;
    picks(scrape, families)?;
    faults(scrape, families)
}

fn versions(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let policies =
        scrape.status.policies.iter().filter(|policy| scrape.selection.has_pool(&policy.slot.pool().name));
    let active: Vec<_> = policies
        .map(|policy| {
            let active = policy.slot.active();
            let source = match active.version.is_bundled() {
                true => "bundled",
                false if is_uploaded(&active.origin) => "api",
                false => "file",
            };
            (&policy.slot, active.version.id.to_string(), source, active)
        })
        .collect();
    let rows = active.iter().map(|(slot, version, source, active)| {
        let [pool, route] = labels(slot);
        (
            [pool, route, ("policy", policy_name(&active.origin)), ("version", version), ("source", *source)],
            1.0,
        )
    });
    families.gauge(("policy_info", "The version that serves; its value is always 1"), rows)?;
    let swaps = slots(scrape).flat_map(|slot| {
        let stats = slot.stats();
        let results = [
            ("published", slot.active().publication.get().saturating_sub(1 + stats.rollbacks())),
            ("refused", stats.refused_swaps()),
            ("rolled-back", stats.rollbacks()),
        ];
        results.map(|(result, count)| (with(slot, ("result", result)), count))
    });
    families.counter(("policy_swaps", "Versions that were offered, and what became of them"), swaps)?;
    let last = slots(scrape).map(|slot| {
        let published = slot.history().last().map(|version| version.at);
        (labels(slot), published.map_or(0.0, |at| scrape.since_epoch(at)))
    });
    families.gauge(("policy_last_swap_timestamp_seconds", "When its version began to serve"), last)
}

fn picks(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let rows = slots(scrape).flat_map(|slot| {
        let picks = slot.picks_by();
        let by = [
            ("policy", picks.policy),
            ("abstention", picks.abstention),
            ("fallback", picks.fallback),
            ("rejected", picks.rejected),
            ("failed", picks.failed),
        ];
        by.map(|(chosen_by, count)| (with(slot, ("chosen_by", chosen_by)), count))
    });
    families.counter(("policy_picks", "Picks, by who decided"), rows)?;
    let described = ("policy_pick_seconds", "CPU time of a pick; one in 64 is measured");
    families.histogram(described, slots(scrape).map(|slot| (labels(slot), slot.stats().pick_times())))
}

fn faults(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let rows = slots(scrape).flat_map(|slot| {
        let faults = FaultKind::ALL.into_iter().map(move |kind| (kind, slot.stats().faults(kind)));
        faults.map(move |(kind, count)| (with(slot, ("kind", kind.label())), count))
    });
    families.counter(("policy_faults", "Calls of the policy that failed"), rows)?;
    macro_rules! of_slots {
        (|$stats:ident| $value:expr) => {
            slots(scrape).map(|slot| {
                let $stats = slot.stats();
                (labels(slot), $value)
            })
        };
    }
    let described = ("policy_open_circuits", "Workers that go without the policy for a while");
    families.gauge(described, of_slots!(|stats| stats.open_circuits() as f64))?;
    let described = ("policy_rebuilds", "Instances that were built in place of failed ones");
    families.counter(described, of_slots!(|stats| stats.rebuilds()))?;
    let described =
        ("policy_adoption_seconds_max", "Most CPU time that a worker has spent on taking a new instance");
    families.gauge(described, of_slots!(|stats| stats.longest_adoption().as_secs_f64()))
}
