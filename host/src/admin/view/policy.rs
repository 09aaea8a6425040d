//! Policies and their versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_core::clock::Clock;
use pointsman_policy::{FaultKind, PicksBy, PolicySlot, PublishedVersion, policy_name};

use super::counted::{histogram, named};
use super::overrides::put_state;
use super::wall_clock;
use crate::admin::model::{
    LeftOutState, PolicyList, PolicyState, QuarantineState, VersionList, VersionState,
};
use crate::control::status::{ConfigurationStatus, PolicyStatus};

pub(in crate::admin) fn policies(status: &ConfigurationStatus, clock: Clock) -> PolicyList {
    PolicyList { policies: status.policies.iter().map(|of| policy(status, of, clock)).collect() }
}

pub(in crate::admin) fn versions(status: &PolicyStatus, clock: Clock) -> VersionList {
    VersionList { versions: known(&status.slot, clock), quarantine: quarantine(&status.slot) }
}

pub(in crate::admin) fn policy(
    status: &ConfigurationStatus,
    PolicyStatus { slot }: &PolicyStatus,
    clock: Clock,
) -> PolicyState {
    let (active, stats, versions) = (slot.active(), slot.stats(), known(slot, clock));
    let pick_times = stats.pick_times();
    PolicyState {
        pool: slot.pool().name.to_string(),
        route: slot.route().map(str::to_owned),
        name: policy_name(&active.origin).to_owned(),
        version: active.version.id.to_string(),
        origin: active.origin.to_string(),
        publication: active.publication.get(),
        last_swap_ms: versions.last().map_or(0, |version| version.published_ms),
        picks: picks(slot.picks_by()),
        pick_buckets: pick_times.bounds.seconds().collect(),
        pick_seconds: histogram(&pick_times),
        faults: faults(|kind| stats.faults(kind)),
        open_circuits: stats.open_circuits(),
        rebuilds: stats.rebuilds(),
        rollbacks: stats.rollbacks(),
        overrides: status.put_policy(slot).map(put_state),
        quarantine: quarantine(slot),
        left_out: slot.left_out().map(|left_out| LeftOutState {
            file: left_out.file.to_string(),
            reason: left_out.reason.to_string(),
        }),
        versions,
    }
}

fn picks(picks: PicksBy) -> BTreeMap<String, u64> {
    let PicksBy { policy, abstention, fallback, rejected, failed } = picks;
    named([
        ("policy", policy),
        ("abstention", abstention),
        ("fallback", fallback),
        ("rejected", rejected),
        ("failed", failed),
    ])
}

fn faults(count: impl Fn(FaultKind) -> u64) -> BTreeMap<String, u64> {
    named(FaultKind::ALL.into_iter().map(|kind| (kind.label(), count(kind))))
}

fn quarantine(slot: &PolicySlot) -> Option<QuarantineState> {
    let quarantine = slot.quarantine()?;
    Some(QuarantineState { version: quarantine.version.to_string(), reason: quarantine.reason.to_string() })
}

fn known(slot: &PolicySlot, clock: Clock) -> Vec<VersionState> {
    let (active, counted) = (slot.active().version.id, slot.stats().versions());
    let version = |published: Arc<PublishedVersion>| {
        let faults_of = counted.iter().find(|(id, _)| *id == published.id);
        VersionState {
            version: published.id.to_string(),
            origin: published.plugin.origin.to_string(),
            active: published.id == active,
            published_ms: wall_clock::ms(published.at, clock),
            faults: faults(|kind| faults_of.map_or(0, |(_, faults)| faults.faults(kind))),
        }
    };
    slot.history().into_iter().map(version).collect()
}
