//! Pools.

use pointsman_core::clock::Moment;
use pointsman_core::pool::{Load, Pool, Queue, UpstreamLimits};
use pointsman_core::topology::Member;

use super::backend::{Standing, backend};
use super::counted::{by_class, histogram, named};
use crate::admin::model::{
    BackendReply, BackendState, PoolLimitsState, PoolList, PoolReply, PoolState, QueueState,
};
use crate::control::status::{ConfigurationStatus, PoolStatus};

pub(in crate::admin) fn pools(status: &ConfigurationStatus, now: Moment) -> PoolList {
    PoolList { pools: status.pools.iter().map(|status| pool(status, now)).collect() }
}

pub(in crate::admin) fn pool_reply(status: &PoolStatus, now: Moment) -> PoolReply {
    PoolReply { pool: pool(status, now) }
}

/// The backend of this name, if there is one.
pub(in crate::admin) fn backend_of(pool: PoolState, name: &str) -> Option<BackendReply> {
    let PoolState { name: of, latency_buckets, backends, .. } = pool;
    let backend = backends.into_iter().find(|backend| backend.name == name)?;
    Some(BackendReply { latency_buckets, pool: of, backend })
}

fn pool(status: &PoolStatus, now: Moment) -> PoolState {
    let PoolStatus { pool, limits } = status;
    let ((members, topology), counts) = (pool.members(), &pool.counts);
    let overrides = pool.overrides();
    let standing = Standing::new(&topology, pool.capacity(), now);
    let backends: Vec<BackendState> = members
        .iter()
        .enumerate()
        .map(|(place, member)| backend(member, place, &standing, &overrides))
        .collect();
    let count = |fits: fn(&Member) -> bool| members.iter().filter(|member| fits(member)).count() as u64;
    let load = Load::of(&topology, limits);
    PoolState {
        name: pool.name.to_string(),
        eligible: topology.eligible() as u64,
        healthy: count(|member| member.health.passes_checks()),
        ejected: count(|member| member.health.is_ejected()),
        draining: count(|member| member.backend.draining),
        panicking: topology.panics(),
        in_flight: load.in_flight,
        capacity: load.capacity,
        saturation: load.saturation(),
        queue: queue(pool.queue(), limits, pool),
        requests: counts.requests(),
        responses: by_class(counts.responses()),
        errors: named(counts.errors()),
        retries: counts.retries(),
        retries_refused: counts.retries_refused(),
        tunnels: counts.tunnels(),
        recent: None,
        latency_buckets: counts.bounds().seconds().collect(),
        request_seconds: histogram(&counts.whole()),
        head_seconds: histogram(&counts.head()),
        topology: topology.generation().0,
        limits: PoolLimitsState {
            max_requests: limits.max_requests,
            max_connections: limits.max_connections,
            retries: limits.retry.attempts,
        },
        backends,
    }
}

fn queue(queue: &Queue, limits: &UpstreamLimits, pool: &Pool) -> QueueState {
    QueueState {
        requests: queue.len(),
        limit: limits.queue.length,
        overflows: queue.overflows(),
        timeouts: queue.timeouts(),
        seconds: histogram(&pool.counts.queued()),
    }
}
