//! What the last seconds have brought. Counters say it to those who read them twice; whoever asks once is told here.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pointsman_core::clock::Moment;
use pointsman_core::counts::quantile;

use super::model::{BackendState, PolicyState, PoolState, RecentBackend, RecentPool};

/// Between two readings of the counters.
const PAUSE: Duration = Duration::from_secs(2);

/// Readings that are kept: the numbers are those of the last ten seconds.
const READINGS: usize = 6;

/// How long that is, µs.
const RECENT_US: u64 = PAUSE.as_micros() as u64 * (READINGS as u64 - 1);

/// Readings of all counters. Clones have the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(Arc<Mutex<VecDeque<Reading>>>);

#[derive(Debug)]
struct Reading {
    at: Moment,
    pools: HashMap<String, PoolReading>,
    /// By pool and route.
    policies: HashMap<(String, Option<String>), PolicyReading>,
}

#[derive(Debug)]
struct PoolReading {
    counted: Counted,
    /// By name.
    backends: HashMap<String, Counted>,
}

/// What was counted of a pool or a backend.
#[derive(Debug, Default)]
struct Counted {
    requests: u64,
    failures: u64,
    turned_away: u64,
    times: Vec<u64>,
}

/// What was counted of a policy, or what was since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PolicyReading {
    /// All picks.
    pub(super) picks: u64,
    /// Those that the fallback made.
    pub(super) fallback: u64,
    /// Calls that failed.
    pub(super) faults: u64,
}

impl Recent {
    /// Reads the counters every two seconds, beside the event loop: those of a thousand backends take a moment. Never ends.
    pub(super) async fn follow<Read>(self, read: Read) -> Infallible
    where
        Read: Fn() -> (Moment, Vec<PoolState>, Vec<PolicyState>) + Clone + Send + 'static,
    {
        loop {
            let (recent, read) = (self.clone(), read.clone());
            let keep = move || {
                let (now, pools, policies) = read();
                recent.read(now, &pools, &policies);
            };
            // An error means that the process is ending.
            let _ = tokio::task::spawn_blocking(keep).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keeps what pools and policies have counted by now.
    pub(super) fn read(&self, now: Moment, pools: &[PoolState], policies: &[PolicyState]) {
        let pool = |pool: &PoolState| {
            let backends = pool.backends.iter().map(|backend| (backend.name.clone(), Counted::of(backend)));
            (pool.name.clone(), PoolReading { counted: Counted::of_pool(pool), backends: backends.collect() })
        };
        let policy =
            |policy: &PolicyState| ((policy.pool.clone(), policy.route.clone()), PolicyReading::of(policy));
        let reading = Reading {
            at: now,
            pools: pools.iter().map(pool).collect(),
            policies: policies.iter().map(policy).collect(),
        };
        let mut readings = self.0.lock();
        // Of a proxy that has just started all is recent, also what came before the first reading.
        if readings.is_empty() && now.0 < RECENT_US {
            readings.push_back(Reading { at: Moment(0), pools: HashMap::new(), policies: HashMap::new() });
        }
        readings.push_back(reading);
        if readings.len() > READINGS {
            readings.pop_front();
        }
    }

    /// Adds what the last seconds have brought; nothing before the first reading.
    pub(super) fn complete(&self, pools: &mut [PoolState], now: Moment) {
        let readings = self.0.lock();
        if let Some(before) = readings.front().filter(|before| before.at < now) {
            pools.iter_mut().for_each(|pool| before.complete(pool, now));
        }
    }

    /// What the last seconds have brought a policy.
    pub(super) fn of_policy(&self, policy: &PolicyState) -> PolicyReading {
        let (now, readings) = (PolicyReading::of(policy), self.0.lock());
        let before = readings.front().map(|before| {
            let place = (policy.pool.clone(), policy.route.clone());
            before.policies.get(&place).copied().unwrap_or_default()
        });
        before.map_or_else(PolicyReading::default, |before| now.since(before))
    }
}

impl Reading {
    fn complete(&self, pool: &mut PoolState, now: Moment) {
        let (seconds, bounds) = (now.since(self.at).as_secs_f64(), &pool.latency_buckets);
        let before = self.pools.get(&pool.name);
        let recent = Counted::of_pool(pool).since(before.map(|before| &before.counted));
        pool.recent = Some(RecentPool {
            seconds,
            requests: recent.requests,
            server_errors: recent.failures,
            turned_away: recent.turned_away,
            p50_seconds: quantile(bounds, &recent.times, 0.5),
            p99_seconds: quantile(bounds, &recent.times, 0.99),
        });
        for backend in &mut pool.backends {
            let before = before.and_then(|before| before.backends.get(&backend.name));
            let recent = Counted::of(backend).since(before);
            backend.recent = Some(RecentBackend {
                seconds,
                requests: recent.requests,
                failures: recent.failures,
                measured: recent.times.iter().sum(),
                p50_seconds: quantile(bounds, &recent.times, 0.5),
                p99_seconds: quantile(bounds, &recent.times, 0.99),
            });
        }
    }
}

impl Counted {
    fn of_pool(pool: &PoolState) -> Self {
        Self {
            requests: pool.requests,
            failures: pool.responses.get("5xx").copied().unwrap_or(0),
            turned_away: pool.queue.overflows + pool.queue.timeouts,
            times: pool.request_seconds.counts.clone(),
        }
    }

    fn of(backend: &BackendState) -> Self {
        Self {
            requests: backend.requests,
            failures: backend.failures,
            turned_away: 0,
            times: backend.head_seconds.counts.clone(),
        }
    }

    /// What has come since. What has counted more before is another one of the same name.
    fn since(self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.requests <= self.requests) else { return self };
        let difference = |now: u64, before: u64| now.saturating_sub(before);
        let times_before = before.times.iter().copied().chain(std::iter::repeat(0));
        Self {
            requests: difference(self.requests, before.requests),
            failures: difference(self.failures, before.failures),
            turned_away: difference(self.turned_away, before.turned_away),
            times: self
                .times
                .iter()
                .zip(times_before)
                .map(|(now, before)| difference(*now, before))
                .collect(),
        }
    }
}

impl PolicyReading {
    fn of(policy: &PolicyState) -> Self {
        Self {
            picks: policy.picks.values().sum(),
            fallback: policy.picks.get("fallback").copied().unwrap_or(0),
            faults: policy.faults.values().sum(),
        }
    }

    fn since(self, before: Self) -> Self {
        if before.picks > self.picks {
            return self;
        }
        Self {
            picks: self.picks - before.picks,
            fallback: self.fallback.saturating_sub(before.fallback),
            faults: self.faults.saturating_sub(before.faults),
        }
    }
}
