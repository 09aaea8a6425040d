//! Where a pool's policy version is published and its workers find it.

mod delivery;
mod event;
mod history;
mod left_out;
mod mailbox;
mod publication;

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pointsman_core::pool::Pool;
use pointsman_core::printable::Printable;

use crate::admission::Refusal;
use crate::context::PolicyContext;
use crate::fault::Fault;
use crate::instance::Retired;
use crate::plugin::Plugin;
use crate::probation::{FaultAllowance, Quarantine};
use crate::settings::{OnFault, PolicySettings};
use crate::stats::{FaultCounts, PolicyStats};
use crate::version::VersionId;

pub(crate) use delivery::Delivery;
pub(crate) use event::{SlotEvent, SlotEvents};
use history::History;
pub use history::PublishedVersion;
pub use left_out::LeftOutFile;
use mailbox::Mailbox;
pub use publication::{ActiveVersion, Publication};

/// A pool's place for its policy, shared by its workers and the supervisor.
#[derive(Debug)]
pub struct PolicySlot {
    context: Arc<PolicyContext>,
    active: Mutex<ActiveVersion>,
    history: Mutex<History>,
    mailboxes: Box<[Mailbox<Delivery>]>,
    stats: PolicyStats,
    allowance: FaultAllowance,
    quarantine: Mutex<Option<Quarantine>>,
    left_out: Mutex<Option<LeftOutFile>>,
    events: SlotEvents,
}

/// Picks by who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PicksBy {
    /// The policy chose a backend.
    pub policy: u64,
    /// The policy left it to the fallback.
    pub abstention: u64,
    /// The fallback chose, because the policy couldn't be asked or failed.
    pub fallback: u64,
    /// The policy rejected the request.
    pub rejected: u64,
    /// The policy couldn't be asked or failed, and nobody else may choose.
    pub failed: u64,
}

impl PolicySlot {
    pub(crate) fn new(
        context: Arc<PolicyContext>,
        active: ActiveVersion,
        workers: usize,
        stats: PolicyStats,
        events: SlotEvents,
    ) -> Self {
        let slot = Self {
            context,
            active: Mutex::new(active.clone()),
            history: Mutex::default(),
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            stats,
            allowance: FaultAllowance::default(),
            quarantine: Mutex::default(),
            left_out: Mutex::default(),
            events,
        };
        slot.remember(&active);
        slot
    }

    fn remember(&self, published: &ActiveVersion) {
        let ActiveVersion { version, origin, .. } = published;
        let plugin = Plugin { origin: Arc::clone(origin), content: version.content.clone() };
        let at = self.context.clock.now();
        lock(&self.history).add(PublishedVersion { id: version.id, plugin, at });
    }

    /// The pool.
    #[inline]
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.context.pool
    }

    /// How the pool runs its policy.
    #[inline]
    #[must_use]
    pub fn settings(&self) -> &PolicySettings {
        &self.context.settings
    }

    /// The version that was published last. Takes a lock: not for the data path.
    #[must_use]
    pub fn active(&self) -> ActiveVersion {
        lock(&self.active).clone()
    }

    /// The versions that were published last, in the order of their publication: the active one is the last.
    #[must_use]
    pub fn history(&self) -> Vec<Arc<PublishedVersion>> {
        lock(&self.history).all()
    }

    /// What has gone wrong so far, and what the policy costs.
    #[must_use]
    pub fn stats(&self) -> &PolicyStats {
        &self.stats
    }

    /// Picks so far, over all workers and versions; up to a second old.
    #[must_use]
    pub fn picks(&self) -> u64 {
        self.mailboxes.iter().map(|mailbox| mailbox.picks()[0]).sum()
    }

    /// Picks so far by who decided, over all workers and versions; up to a second old.
    #[must_use]
    pub fn picks_by(&self) -> PicksBy {
        let all = self.mailboxes.iter().map(Mailbox::picks);
        let [all, abstention, rejected] =
            all.fold([0; 3], |[a, b, c], [more_a, more_b, more_c]| [a + more_a, b + more_b, c + more_c]);
        let (fallback, failed) = (self.stats.fallback_picks(), self.stats.rejected_picks());
        let policy = all.saturating_sub(abstention + rejected + fallback + failed);
        PicksBy { policy, abstention, fallback, rejected, failed }
    }

    /// The version that isn't let in, if there is one.
    #[must_use]
    pub fn quarantine(&self) -> Option<Quarantine> {
        lock(&self.quarantine).clone()
    }

    /// Keeps a version out, or none.
    pub fn set_quarantine(&self, quarantine: Option<Quarantine>) {
        *lock(&self.quarantine) = quarantine;
    }

    /// The plugin file, if what it holds doesn't serve; also if it is gone. One whose content is in quarantine is told by
    /// [`quarantine`](Self::quarantine).
    #[must_use]
    pub fn left_out(&self) -> Option<LeftOutFile> {
        lock(&self.left_out).clone()
    }

    /// What the plugin file holds doesn't serve; or it does, or nobody follows it.
    pub fn set_left_out(&self, file: Option<LeftOutFile>) {
        *lock(&self.left_out) = file;
    }

    /// The route that the slot picks for, for logs; `None` if it is the pool's own.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.settings().route.as_deref()
    }

    /// Logs that this slot's swap to a plugin from `origin` was refused.
    pub fn log_refusal(&self, origin: &str, refusal: &Refusal) {
        self.stats.count_refused_swap();
        let (pool, label, serving) = (&*self.pool().name, refusal.label(), self.active().version.id);
        tracing::error!(
            event = "policy-swap-refused", pool, route = self.route(), origin, label, %serving,
            "swap refused: {refusal}; the version that serves goes on"
        );
    }

    pub(crate) fn context(&self) -> &Arc<PolicyContext> {
        &self.context
    }

    pub(crate) fn allowance(&self) -> &FaultAllowance {
        &self.allowance
    }

    pub(crate) fn workers(&self) -> usize {
        self.mailboxes.len()
    }

    /// Publishes a version: one delivery per worker. Returns the version before; what was never collected is dropped.
    pub(crate) fn publish(&self, next: ActiveVersion, deliveries: Vec<Delivery>) -> ActiveVersion {
        self.remember(&next);
        let before = mem::replace(&mut *lock(&self.active), next);
        for (worker, delivery) in deliveries.into_iter().enumerate() {
            drop(self.deliver(worker, delivery));
        }
        before
    }

    /// Puts an instance into a worker's mailbox; returns the one that was still there.
    pub(crate) fn deliver(&self, worker: usize, delivery: Delivery) -> Option<Delivery> {
        match self.mailboxes.get(worker) {
            Some(mailbox) => mailbox.deliver(delivery),
            None => Some(delivery),
        }
    }

    /// Takes what is in a worker's mailbox: one atomic load while it is empty.
    #[inline]
    pub(crate) fn collect(&self, worker: usize) -> Option<Delivery> {
        self.mailboxes.get(worker)?.collect()
    }

    /// A worker reports how many picks it has made so far: all, those that the policy left to the fallback, and those that it rejected.
    pub(crate) fn report_picks(&self, worker: usize, picks: [u64; 3]) {
        if let Some(mailbox) = self.mailboxes.get(worker) {
            mailbox.report_picks(picks);
        }
    }

    /// Counts a fault, logs it within the limit for its kind, and reports it if it exhausts the allowance of a version on
    /// probation.
    pub(crate) fn record(
        &self,
        (version, publication, faults): (VersionId, Publication, &FaultCounts),
        worker: usize,
        fault: &Fault,
    ) {
        if let Some(unlogged) = self.stats.count(faults, fault, self.context.clock.now()) {
            let (pool, route, kind) = (&*self.pool().name, self.route(), fault.kind.label());
            let remedy = match self.settings().on_fault {
                OnFault::Fallback => "the fallback picks",
                OnFault::Reject => "the request is rejected",
            };
            tracing::error!(
                event = "policy-faulted", pool, route, %version, worker, kind, unlogged,
                "policy fault: {fault}; {remedy}"
            );
        }
        if self.allowance.fault(publication.get()) {
            let last_fault = Printable::text(fault);
            self.events.send(SlotEvent::AllowanceExhausted {
                slot: self.context.id,
                publication,
                last_fault,
            });
        }
    }

    /// Hands an instance to the supervisor, which drops it.
    pub(crate) fn retire(&self, retired: Retired) {
        self.events.send(SlotEvent::Retired(retired));
    }

    /// Asks the supervisor for an instance in the place of one that failed.
    pub(crate) fn request_rebuild(&self, worker: usize, publication: Publication) {
        self.events.send(SlotEvent::InstanceFailed { slot: self.context.id, worker, publication });
    }
}

/// Held for a move in or out, so that a panic can't leave half a value: a poisoned lock can be used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
