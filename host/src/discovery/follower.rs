//! The task that keeps the pools in step with what is discovered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use pointsman_core::clock::Clock;
use tokio::sync::watch;

use crate::config::Question;

use super::counts::DiscoveryCounts;
use super::dns::Questions;
use super::placement::Placement;
use super::wanted::Wanted;

/// Brings discovered backends into their pools.
#[derive(Debug)]
pub(super) struct Follower {
    dns: Questions,
    placements: Vec<Placement>,
    answered: Option<SyncSender<()>>,
}

impl Follower {
    pub(super) fn new(clock: Clock, counts: Arc<DiscoveryCounts>) -> Self {
        Self { dns: Questions::new(clock, counts), placements: Vec::new(), answered: None }
    }

    /// Follows what is wanted until the other end of the channel is closed.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Wanted>) {
        loop {
            tokio::select! {
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = wanted.borrow_and_update().clone();
                    self.adopt(wanted);
                }
                question = self.dns.changed() => self.place(|asked| *asked == question),
            }
        }
    }

    /// Follows this from now on. What was followed before keeps its answers.
    fn adopt(&mut self, wanted: Wanted) {
        self.answered = wanted.answered;
        let of_pools = wanted.pools.iter().flat_map(|pool| &pool.entries).map(|entry| &entry.question);
        self.dns.replace(wanted.dns, of_pools.chain(&wanted.upcoming));
        let mut before: HashMap<_, _> = std::mem::take(&mut self.placements)
            .into_iter()
            .map(|placement| (placement.pool().name.clone(), placement))
            .collect();
        for pool in wanted.pools {
            let placement = Placement::new(pool);
            let placement = match before.remove(&placement.pool().name) {
                Some(old) => placement.succeed(old),
                None => placement,
            };
            self.placements.push(placement);
        }
        self.place(|_| true);
        if let Some(placed) = wanted.placed {
            // An error means that the caller has stopped waiting.
            let _ = placed.try_send(());
        }
    }

    /// Brings the answers into the pools that have an entry with such a question.
    fn place(&mut self, is_concerned: impl Fn(&Question) -> bool) {
        for placement in &mut self.placements {
            if !placement.entries().iter().any(|entry| is_concerned(&entry.question)) {
                continue;
            }
            if let Some(moved) = placement.place(|entry| self.dns.backends(&entry.question)) {
                let pool = &*placement.pool().name;
                tracing::info!(
                    event = "pool-backends-changed",
                    pool,
                    came = moved.came,
                    left = moved.left,
                    discovered = moved.present,
                    "backends"
                );
            }
        }
        if self.dns.are_answered()
            && let Some(answered) = self.answered.take()
        {
            // An error means that the caller has stopped waiting.
            let _ = answered.try_send(());
        }
    }
}
