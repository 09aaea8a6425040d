//! The task that watches one pool: it waits for events, and runs the checks that are due.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use pointsman_core::clock::{Clock, Moment};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::assignment::Assignment;
use super::pool_health::{Due, PoolHealth};
use super::probe::{self, Failure, ProbeTarget};

/// Checks the backends of a pool until the other end of its channel is closed.
#[derive(Debug)]
pub(super) struct PoolChecker {
    assignment: watch::Receiver<Assignment>,
    clock: Clock,
    /// Shared by all pools: as many checks run at a time as there are permits. The others wait in the order in which they were due.
    permits: Arc<Semaphore>,
    checks: JoinSet<FinishedCheck>,
}

/// A check that has ended.
#[derive(Debug)]
struct FinishedCheck {
    due: Due,
    began: Moment,
    result: Result<(), Failure>,
}

impl PoolChecker {
    pub(super) fn new(
        assignment: watch::Receiver<Assignment>,
        clock: Clock,
        permits: Arc<Semaphore>,
    ) -> Self {
        Self { assignment, clock, permits, checks: JoinSet::new() }
    }

    pub(super) async fn run(mut self) {
        let (clock, mut random) = (self.clock, random());
        let Assignment { pool, settings } = self.assignment.borrow_and_update().clone();
        let mut health = PoolHealth::new(pool, settings, clock.now(), &mut random);
        loop {
            for due in health.turn(clock.now(), &mut random) {
                self.start(due, &health);
            }
            let pool = Arc::clone(health.pool());
            let pause = health.wake().since(clock.now());
            tokio::select! {
                Some(finished) = self.checks.join_next() => {
                    // Those that have ended at the same time become part of the same change.
                    let others = std::iter::from_fn(|| self.checks.try_join_next());
                    for FinishedCheck { due, began, result } in std::iter::once(finished).chain(others).flatten() {
                        health.check(due, began, &result, clock.now(), random());
                    }
                }
                () = pool.ejection_signal.signalled() => health.consider_ejections(),
                changed = self.assignment.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let Assignment { pool, settings } = self.assignment.borrow_and_update().clone();
                    health.change(pool, settings, clock.now(), &mut random);
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn start(&mut self, due: Due, health: &PoolHealth) {
        let (clock, permits) = (self.clock, Arc::clone(&self.permits));
        let (settings, backend) = (Arc::clone(health.settings()), health.backend(&due).cloned());
        self.checks.spawn_local(async move {
            let _permit = permits.acquire().await;
            let began = clock.now();
            let result = match &settings.config.check {
                Some(check) => {
                    let host = backend.as_ref().and_then(|backend| settings.check_host(backend));
                    let target = ProbeTarget {
                        address: &due.address,
                        host,
                        proxy_protocol: settings.proxy_protocol,
                        tls: settings.tls.as_deref(),
                        protocol: settings.protocol,
                    };
                    probe::run(check, target).await
                }
                None => Ok(()),
            };
            FinishedCheck { due, began, result }
        });
    }
}

/// A generator of random numbers from 0 to 1, by the standard library's keyed hash.
fn random() -> impl FnMut() -> f64 {
    let (state, mut drawn) = (RandomState::new(), 0_u64);
    move || {
        drawn += 1;
        state.hash_one(drawn) as f64 / u64::MAX as f64
    }
}
