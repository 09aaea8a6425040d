//! A worker's pick: ask the policy, check what it says, and serve the request whatever happened.

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::{BackendIndex, ConfigurationGeneration};
use pointsman_core::clock::Moment;
use pointsman_core::picks::NotAsked;
use pointsman_core::pool::Capacity;
use pointsman_core::record::{ChosenBy, PolicyLabel};
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;

use crate::fallback;
use crate::fault::Fault;
use crate::guest::{CallCost, thread_cpu_time};
use crate::instance::FailedCall;
use crate::observed_request::{ObservedRequest, RequestAccess};
use crate::rng::Rng;
use crate::settings::OnFault;
use crate::slot::{Delivery, PolicySlot};
use crate::verdict::{self, BadVerdict, Verdict};
use crate::version::{PolicyVersion, VersionId};

mod active_instance;
mod on_record;
mod pick;
mod pool_view;
mod spending;
mod ticks;
mod unfollowed;

use active_instance::ActiveInstance;
pub use pick::{Pick, Picked, Response};
use pool_view::PoolView;
use spending::Spending;
use unfollowed::Unfollowed;

/// Bad verdicts in a row after which an instance is given up. Its state is sound (no call was cut short), but it doesn't use it
/// correctly.
const BAD_VERDICTS: u32 = 16;

/// One worker's access to a pool's policy.
#[derive(Debug)]
pub struct Picker {
    slot: Arc<PolicySlot>,
    worker: usize,
    active: ActiveInstance,
    view: PoolView,
    rng: Rng,
    picks: u64,
    /// Of these, those that the policy left to the fallback.
    abstentions: u64,
    /// And those that it rejected.
    rejections: u64,
    spending: Spending,
}

impl Picker {
    pub(super) fn new(slot: Arc<PolicySlot>, worker: usize, first: Delivery, rng: Rng) -> Self {
        let view = PoolView::new(Arc::clone(slot.pool()), Arc::clone(first.instance.known_topology()));
        let spending = Spending::new(slot.context().clock.now());
        let active = ActiveInstance::new(first);
        let mut picker =
            Self { slot, worker, active, view, rng, picks: 0, abstentions: 0, rejections: 0, spending };
        picker.schedule_tick();
        picker
    }

    /// Picks a backend for a request. Never fails because of a plugin.
    pub fn pick(&mut self, head: &mut RequestHead) -> Pick {
        self.catch_up();
        head.tried.rebase(self.view.topology.generation());
        if !self.view.topology.offers(&head.tried) {
            return self.without_candidate(head);
        }
        self.picks += 1;
        let answer = if head.picks.is_none() { self.ask(head) } else { self.ask_on_record(head) };
        match answer {
            Ok(Verdict::Backend(index)) => self.picked(index, ChosenBy::Policy),
            Ok(Verdict::Reject(status)) => {
                self.rejections += 1;
                Pick::Reject(status)
            }
            Ok(Verdict::Abstain) => {
                self.abstentions += 1;
                self.fall_back(head, ChosenBy::Abstention)
            }
            Err(_) => self.go_without(head),
        }
    }

    /// Picks in a topology of an earlier configuration, for a request that began with it. The policy isn't asked: its indexes
    /// count in the one of now.
    #[cold]
    pub fn pick_in(&mut self, topology: &Arc<Topology>, head: &mut RequestHead) -> Pick {
        self.record_unasked(topology, head, NotAsked::EarlierPool);
        if self.slot.settings().on_fault == OnFault::Reject {
            // Any other backend than the policy's own would be worse than none.
            return Pick::Failed;
        }
        head.tried.rebase(topology.generation());
        let index = fallback::pick(topology, &head.tried, &mut self.rng)
            .or_else(|| fallback::pick_backup(topology, &head.tried, &mut self.rng));
        index.map_or(Pick::Unavailable, |index| Pick::Backend(Picked::without_policy(index, topology)))
    }

    /// The backend at this index of the current topology, or of one of an earlier configuration, to which the client's session is
    /// bound. The policy isn't asked, and observes the response if it knows the backend.
    pub fn pick_bound(
        &self,
        index: BackendIndex,
        past: Option<&Arc<Topology>>,
        head: &mut RequestHead,
    ) -> Picked {
        let topology = past.unwrap_or(&self.view.topology);
        self.record_unasked(topology, head, NotAsked::Session);
        let publication = past.is_none().then_some(self.active.publication);
        Picked { index, chosen_by: ChosenBy::Session, topology: topology.generation(), publication }
    }

    /// The policy couldn't be asked, or failed.
    #[cold]
    fn go_without(&mut self, head: &RequestHead) -> Pick {
        match self.slot.settings().on_fault {
            OnFault::Fallback => {
                self.slot.stats().count_fallback_pick();
                self.fall_back(head, ChosenBy::Fallback)
            }
            OnFault::Reject => {
                self.slot.stats().count_rejected_pick();
                Pick::Failed
            }
        }
    }

    /// Picks without the policy, among backends with fewer requests than this `capacity`: the one that the policy has picked is full. None is available where only the policy's own may serve (`on_fault = "reject"`).
    pub fn pick_with_room(&mut self, head: &mut RequestHead, capacity: Capacity) -> Pick {
        self.catch_up();
        if self.slot.settings().on_fault == OnFault::Reject {
            return Pick::Unavailable;
        }
        head.tried.rebase(self.view.topology.generation());
        self.record_unasked(&self.view.topology, head, NotAsked::Full);
        match fallback::pick_with_room(&self.view.topology, &head.tried, capacity, &mut self.rng) {
            Some(index) => self.picked(index, ChosenBy::Fallback),
            None => Pick::Unavailable,
        }
    }

    /// Copies what the policy can access of a request when it observes the response: nothing, if it won't observe it or imports
    /// no function for that.
    #[must_use]
    pub fn keep(&self, picked: Picked, head: &RequestHead) -> ObservedRequest {
        let observes = picked.publication == Some(self.active.publication) && self.wants_responses();
        let access =
            self.version().filter(|_| observes).map_or(RequestAccess::Nothing, |version| version.access);
        ObservedRequest::of(head, access)
    }

    /// Lets the policy observe the end of a response, if it is still the one that picked, on the same topology.
    pub fn observe(&mut self, picked: Picked, response: &Response, request: ObservedRequest) {
        self.catch_up();
        if picked.publication != Some(self.active.publication)
            || picked.topology != self.view.topology.generation()
        {
            return;
        }
        let (status, head_us) =
            response.answered.map_or((0, -1), |(status, head)| (i32::from(status.as_u16()), micros(head)));
        let observation =
            (picked.index.0.cast_signed(), status, response.outcome, head_us, micros(response.total));
        let began = self.spending.observations.begin();
        let result = self.active.instance.observe(observation, request.into_head().as_ref());
        let _ = self.spending.observations.end(began);
        if let Some(Err(failed)) = result {
            self.give_up(failed);
        }
    }

    /// The worker serves with this configuration from now on.
    pub fn enter(&mut self, configuration: ConfigurationGeneration) {
        self.view.configuration = configuration;
        self.catch_up();
    }

    /// The topology that the last pick's index counts in.
    #[inline]
    #[must_use]
    pub fn topology(&self) -> &Arc<Topology> {
        &self.view.topology
    }

    /// The pool's current topology.
    #[inline]
    #[must_use]
    pub fn current_topology(&mut self) -> &Arc<Topology> {
        self.catch_up();
        &self.view.topology
    }

    /// A random time up to `most`.
    #[must_use]
    pub fn jitter(&mut self, most: Duration) -> Duration {
        let most = usize::try_from(most.as_micros()).unwrap_or(usize::MAX);
        Duration::from_micros(self.rng.below(most.saturating_add(1)) as u64)
    }

    /// The version of the worker's instance; `None` while the fallback serves.
    #[inline]
    #[must_use]
    pub fn version(&self) -> Option<&Arc<PolicyVersion>> {
        self.active.instance.get().map(|instance| instance.version())
    }

    /// The names of the version that has made this pick; `None` if it wasn't asked.
    #[inline]
    #[must_use]
    pub fn label(&self, picked: Picked) -> Option<Arc<PolicyLabel>> {
        (picked.publication == Some(self.active.publication)).then(|| Arc::clone(&self.active.label))
    }

    /// Whether [`observe`](Self::observe) leads to anything.
    #[inline]
    #[must_use]
    pub fn wants_responses(&self) -> bool {
        self.version().is_some_and(|version| version.hooks.observe)
    }

    /// What the last call into the instance has cost; nothing without an instance.
    #[must_use]
    pub(super) fn last_call(&self) -> CallCost {
        self.active.instance.get().map_or_else(CallCost::default, |instance| instance.last_call())
    }

    /// Linear memory of the instance, bytes; 0 without one.
    #[must_use]
    pub(super) fn memory_bytes(&self) -> usize {
        self.active.instance.get().map_or(0, |instance| instance.memory_bytes())
    }

    /// The slot that this picker serves.
    #[inline]
    #[must_use]
    pub fn slot(&self) -> &Arc<PolicySlot> {
        &self.slot
    }

    /// Takes a new instance and a new topology, if there are any: two atomic loads if not.
    #[inline]
    fn catch_up(&mut self) {
        let delivery = self.slot.collect(self.worker);
        if delivery.is_some() || self.view.is_outdated() {
            self.adopt(delivery);
        }
    }

    #[cold]
    fn adopt(&mut self, delivery: Option<Delivery>) {
        let began = delivery.is_some().then(thread_cpu_time);
        if let Some(delivery) = delivery {
            if let Some(old) = self.active.replace(delivery) {
                self.slot.retire(old);
            }
            self.schedule_tick();
        }
        self.view.refresh();
        // An instance may have been built before the topology changed, or after.
        let known = self.active.instance.get().map(|instance| instance.known_topology().generation());
        if known.is_some_and(|known| known != self.view.topology.generation()) {
            let began = thread_cpu_time();
            let result = self.active.instance.topology(&self.view.topology);
            self.spending.topology(thread_cpu_time().saturating_sub(began));
            if let Some(Err(failed)) = result {
                self.give_up(failed);
            }
        }
        if let Some(began) = began {
            self.slot.stats().record_adoption(thread_cpu_time().saturating_sub(began));
        }
    }

    /// The policy's verdict.
    fn ask(&mut self, head: &RequestHead) -> Result<Verdict, Unfollowed> {
        let began = self.spending.picks.begin();
        let answer = self.active.instance.pick(head);
        if let Some(took) = self.spending.picks.end(began) {
            self.slot.stats().record_pick(took);
        }
        let raw = match answer.ok_or(Unfollowed::NoInstance)? {
            Ok(raw) => raw,
            Err(failed) => {
                let kind = failed.fault.kind;
                self.give_up(failed);
                return Err(Unfollowed::Failed(kind));
            }
        };
        match verdict::check(raw, &self.view.topology, &head.tried) {
            Ok(verdict) => {
                self.active.bad_verdicts = 0;
                Ok(verdict)
            }
            Err(bad) => {
                self.record_bad_verdict(bad);
                Err(Unfollowed::Bad(bad))
            }
        }
    }

    fn fall_back(&mut self, head: &RequestHead, chosen_by: ChosenBy) -> Pick {
        let index = fallback::pick(&self.view.topology, &head.tried, &mut self.rng);
        index.map_or(Pick::Unavailable, |index| self.picked(index, chosen_by))
    }

    #[inline]
    fn picked(&self, index: BackendIndex, chosen_by: ChosenBy) -> Pick {
        // A policy that failed or wasn't asked doesn't observe the response.
        let publication = (chosen_by != ChosenBy::Fallback).then_some(self.active.publication);
        Pick::Backend(Picked { index, chosen_by, topology: self.view.topology.generation(), publication })
    }

    /// Gives up the instance, which failed in a call, and asks for another one.
    #[cold]
    fn give_up(&mut self, failed: FailedCall) {
        self.record(failed.version, &failed.fault);
        self.slot.retire(failed.instance);
        self.vacate();
    }

    /// Records a verdict that can't be followed. The instance itself is sound, and given up only after [`BAD_VERDICTS`] in a row.
    #[cold]
    fn record_bad_verdict(&mut self, bad: BadVerdict) {
        if let Some(version) = self.version() {
            self.record(version.id, &Fault::from_verdict(bad));
        }
        self.active.bad_verdicts += 1;
        if self.active.bad_verdicts >= BAD_VERDICTS
            && let Some(old) = self.active.instance.clear()
        {
            self.slot.retire(old);
            self.vacate();
        }
    }

    fn vacate(&mut self) {
        self.active.bad_verdicts = 0;
        self.active.next_tick = None;
        self.slot.request_rebuild(self.worker, self.active.publication);
    }

    fn record(&self, version: VersionId, fault: &Fault) {
        self.slot.record((version, self.active.publication, &self.active.faults), self.worker, fault);
    }

    fn now(&self) -> Moment {
        self.slot.context().clock.now()
    }
}

impl Drop for Picker {
    /// Called when no configuration names the policy any more, and its last request has ended.
    fn drop(&mut self) {
        if let Some(instance) = self.active.instance.clear() {
            self.slot.retire(instance);
        }
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
