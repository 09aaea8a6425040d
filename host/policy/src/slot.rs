//! Where a pool's policy version is published and its workers find it.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use pointsman_core::pool::Pool;
use pointsman_core::printable::Printable;

use super::admission::Refusal;
use super::fault::Fault;
use super::guest::Terms;
use super::instance::{Instance, Retired};
use super::ledger::{Ledger, Tally};
use super::loader::Command;
use super::settings::{OnFault, PolicySettings};
use super::trial::Trial;
use super::version::{PolicyVersion, VersionId};

/// A pool's place for its policy, shared by its workers and the loader.
#[derive(Debug)]
pub struct PolicySlot {
    terms: Arc<Terms>,
    serving: Mutex<Serving>,
    mailboxes: Box<[Mailbox]>,
    ledger: Ledger,
    trial: Trial,
    quarantine: Mutex<Option<Quarantine>>,
    keeper: Sender<Command>,
}

/// What a slot serves with at one moment.
#[derive(Debug, Clone)]
pub struct Serving {
    /// The version.
    pub version: Arc<PolicyVersion>,
    /// Where it came from: a path, or the name of a bundled policy.
    pub origin: Arc<str>,
    /// Counts the publications of the slot, from 1.
    pub generation: u64,
}

/// A version that was taken back on probation and isn't let in again until the file's content is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The version.
    pub version: VersionId,
    /// What it did, in words.
    pub reason: Printable,
}

/// An instance on its way to a worker, with the publication it belongs to.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) instance: Instance,
    pub(super) generation: u64,
    /// Where its version's faults are counted.
    pub(super) tally: Arc<Tally>,
}

/// A worker's mailbox. On a cache line pair of its own: its worker looks at it in every pick.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Mailbox {
    full: AtomicBool,
    /// Picks of this worker, as of its last report.
    picks: AtomicU64,
    delivery: Mutex<Option<Delivery>>,
}

impl PolicySlot {
    pub(super) fn new(
        terms: Arc<Terms>,
        serving: Serving,
        workers: usize,
        ledger: Ledger,
        keeper: Sender<Command>,
    ) -> Self {
        Self {
            terms,
            serving: Mutex::new(serving),
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            ledger,
            trial: Trial::default(),
            quarantine: Mutex::default(),
            keeper,
        }
    }

    /// The pool.
    #[inline]
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.terms.pool
    }

    /// How the pool runs its policy.
    #[inline]
    #[must_use]
    pub fn settings(&self) -> &PolicySettings {
        &self.terms.settings
    }

    /// What the slot serves with now. Takes a lock: not for the data path.
    #[must_use]
    pub fn serving(&self) -> Serving {
        lock(&self.serving).clone()
    }

    /// What has gone wrong so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Picks so far, over all workers and versions; up to a second old.
    #[must_use]
    pub fn picks(&self) -> u64 {
        self.mailboxes.iter().map(|mailbox| mailbox.picks.load(Ordering::Relaxed)).sum()
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

    /// Logs that this slot's swap to a plugin from `origin` was refused.
    pub fn log_refusal(&self, origin: &str, refusal: &Refusal) {
        let (pool, label, serving) = (&*self.pool().name, refusal.label(), self.serving().version.id);
        tracing::error!(
            event = "policy-swap-refused", pool, route = self.route(), origin, label, %serving,
            "swap refused: {refusal}; the version that serves goes on"
        );
    }

    /// Counts a fault, logs it unless enough like it were logged lately, and reports it if it was the one too much for a
    /// version on probation.
    pub(super) fn record(
        self: &Arc<Self>,
        (version, generation, tally): (VersionId, u64, &Tally),
        worker: usize,
        fault: &Fault,
    ) {
        if let Some(unlogged) = self.ledger.count(tally, fault, self.terms.clock.now()) {
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
        if self.trial.fault(generation) {
            let command =
                Command::RollBack { slot: Arc::clone(self), generation, last: Printable::text(fault) };
            let _ = self.keeper.send(command);
        }
    }

    /// The route that the slot picks for, for logs; `None` if it is the pool's own.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.settings().route.as_deref()
    }

    pub(super) fn trial(&self) -> &Trial {
        &self.trial
    }

    /// A worker reports how many picks it has made so far.
    pub(super) fn report_picks(&self, worker: usize, picks: u64) {
        if let Some(mailbox) = self.mailboxes.get(worker) {
            mailbox.picks.store(picks, Ordering::Relaxed);
        }
    }

    pub(super) fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    pub(super) fn workers(&self) -> usize {
        self.mailboxes.len()
    }

    /// Publishes a version: one delivery per worker. Answers the version before and what was never collected.
    pub(super) fn publish(&self, serving: Serving, deliveries: Vec<Delivery>) -> (Serving, Vec<Delivery>) {
        let before = mem::replace(&mut *lock(&self.serving), serving);
        let uncollected = deliveries
            .into_iter()
            .enumerate()
            .filter_map(|(worker, delivery)| self.deliver(worker, delivery));
        (before, uncollected.collect())
    }

    /// Puts an instance into a worker's mailbox; answers the one that was still there.
    pub(super) fn deliver(&self, worker: usize, delivery: Delivery) -> Option<Delivery> {
        let Some(mailbox) = self.mailboxes.get(worker) else { return Some(delivery) };
        let mut place = lock(&mailbox.delivery);
        let before = place.replace(delivery);
        mailbox.full.store(true, Ordering::Release);
        before
    }

    /// A worker's look into its mailbox: one atomic load as long as nothing is there.
    #[inline]
    pub(super) fn collect(&self, worker: usize) -> Option<Delivery> {
        let mailbox = self.mailboxes.get(worker)?;
        if !mailbox.full.load(Ordering::Acquire) {
            return None;
        }
        let mut place = match mailbox.delivery.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            // The loader holds it for a moment. The next pick looks again; this one doesn't wait.
            Err(TryLockError::WouldBlock) => return None,
        };
        mailbox.full.store(false, Ordering::Relaxed);
        place.take()
    }

    /// Hands an instance to the keeper: dropping it takes system calls that a worker has no time for.
    pub(super) fn reap(&self, retired: Retired) {
        // Without a keeper the process is ending, and the drop happens here.
        let _ = self.keeper.send(Command::Reap(retired));
    }

    /// Asks the keeper for an instance in the place of one that failed.
    pub(super) fn request_rebuild(self: &Arc<Self>, worker: usize, generation: u64) {
        let _ = self.keeper.send(Command::Rebuild { slot: Arc::clone(self), worker, generation });
    }
}

/// Held for a move in or out; nothing that could panic happens meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
