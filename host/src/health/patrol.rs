//! Keeps the watch over one pool: waits for what happens, and asks the backends.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Assignment;
use super::probe::{self, Failure};
use super::watch::{Due, Watch};
use crate::clock::{Clock, Moment};

/// A check that has ended.
#[derive(Debug)]
struct Finished {
    due: Due,
    began: Moment,
    result: Result<(), Failure>,
}

/// Watches over a pool until nobody can give orders any more. All patrols together run as many checks at a time as there
/// are `permits`; the others wait in the order in which they were due.
pub(super) async fn patrol(mut orders: watch::Receiver<Assignment>, clock: Clock, permits: Arc<Semaphore>) {
    let mut random = random();
    let Assignment { pool, settings } = orders.borrow_and_update().clone();
    let mut watch = Watch::begin(pool, settings, clock.now(), &mut random);
    let mut checks = JoinSet::new();
    loop {
        for due in watch.turn(clock.now(), &mut random) {
            let (settings, permits) = (Arc::clone(watch.settings()), Arc::clone(&permits));
            checks.spawn_local(async move {
                let _permit = permits.acquire().await;
                let began = clock.now();
                let check = settings.config.check.as_ref();
                let result = match check {
                    Some(check) => probe::ask(check, due.address).await,
                    None => Ok(()),
                };
                Finished { due, began, result }
            });
        }
        let pool = Arc::clone(watch.pool());
        let rest = watch.wake().since(clock.now());
        tokio::select! {
            Some(finished) = checks.join_next() => {
                // What has ended with it becomes part of the same change.
                let others = std::iter::from_fn(|| checks.try_join_next());
                for Finished { due, began, result } in std::iter::once(finished).chain(others).flatten() {
                    watch.check(due, began, &result, clock.now(), random());
                }
            }
            () = pool.alarm.rung() => watch.alarm(),
            order = orders.changed() => {
                if order.is_err() {
                    return;
                }
                let Assignment { pool, settings } = orders.borrow_and_update().clone();
                watch.change(pool, settings, clock.now(), &mut random);
            }
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Random numbers from 0 to 1, as good as those that keep hash tables safe.
fn random() -> impl FnMut() -> f64 {
    let (state, mut drawn) = (RandomState::new(), 0_u64);
    move || {
        drawn += 1;
        state.hash_one(drawn) as f64 / u64::MAX as f64
    }
}
