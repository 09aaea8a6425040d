//! Timeouts at almost no cost: setting one is a store, and one timer serves a whole worker.
//!
//! A tokio timer per request costs an entry in its wheel and a wake-up. The timeouts of a proxy nearly never fire and
//! need no precision, so each is a [`Deadline`] that a worker-wide [sweep](Deadlines::sweep) looks at every
//! [`GRANULARITY`]. They fire up to that much late, never early.
//!
//! Time in which the process was stopped, or starved of CPU, doesn't count: nobody could be heard in it. It shows as a gap between
//! two sweeps.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pointsman_core::clock::{Clock, Moment};
use tokio::time::Instant;

/// Time between two sweeps.
pub const GRANULARITY: Duration = Duration::from_millis(50);

/// With more time than this between two sweeps nothing has run in between. Less is load, and the time of all.
const GAP: Duration = Duration::from_millis(500);

const NEVER: Moment = Moment(u64::MAX);

/// All deadlines of one worker.
#[derive(Debug, Clone)]
pub struct Deadlines {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// The time of the last sweep.
    now: Cell<Moment>,
    /// So much of the clock's time was left out until then.
    skipped: Cell<Duration>,
    entries: RefCell<Vec<Rc<Entry>>>,
    /// Entries without a deadline, for deadlines to come.
    spare: RefCell<Vec<Rc<Entry>>>,
}

/// So many entries are kept when their deadlines have gone: as many connections as often come and go at a time need.
const SPARE: usize = 256;

impl Shared {
    fn after(&self, span: Duration) -> Moment {
        // The last sweep lies in the past: one granule more, so that nothing fires early.
        self.now.get().after(span + GRANULARITY)
    }

    /// A moment of the clock's without the time in which nothing ran.
    fn awake(&self, moment: Moment) -> Moment {
        let skipped = self.skipped.get();
        let awake = Moment(0).after(moment.since(Moment(0)).saturating_sub(skipped));
        let now = self.now.get();
        if awake.since(now) > GAP { now.after(GRANULARITY) } else { awake }
    }
}

#[derive(Debug)]
struct Entry {
    at: Cell<Moment>,
    waker: RefCell<Option<Waker>>,
    /// Place in `entries`, so that a deadline can leave without a search.
    place: Cell<usize>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { at: Cell::new(NEVER), waker: RefCell::default(), place: Cell::default() }
    }
}

impl Deadlines {
    /// No deadlines yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let now = Cell::new(clock.now());
        Self {
            shared: Rc::new(Shared {
                clock,
                now,
                skipped: Cell::default(),
                entries: RefCell::default(),
                spare: RefCell::default(),
            }),
        }
    }

    /// The time of the last sweep: up to [`GRANULARITY`] old, and free.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared.now.get()
    }

    /// The moment at which `span` has passed from now for certain.
    #[must_use]
    pub fn after(&self, span: Duration) -> Moment {
        self.shared.after(span)
    }

    /// The clock that the deadlines run on, as long as there are no gaps.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// A moment of the clock's in the time that deadlines know, in which gaps are left out: for spans that say something of
    /// others.
    #[must_use]
    pub fn awake(&self, moment: Moment) -> Moment {
        self.shared.awake(moment)
    }

    /// A deadline that isn't set.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        let mut entries = self.shared.entries.borrow_mut();
        let entry = self.shared.spare.borrow_mut().pop().unwrap_or_default();
        entry.place.set(entries.len());
        entries.push(Rc::clone(&entry));
        Deadline { shared: Rc::clone(&self.shared), entry, cap: Cell::new(NEVER) }
    }

    /// Takes the time and wakes whoever waits for a deadline that has passed.
    pub fn sweep(&self) {
        self.sweep_at(self.shared.clock.now());
    }

    fn sweep_at(&self, clock: Moment) {
        let now = self.shared.awake(clock);
        let skipped = clock.since(now);
        let gap = skipped.saturating_sub(self.shared.skipped.replace(skipped));
        if !gap.is_zero() {
            tracing::warn!(
                event = "worker-stalled",
                ?gap,
                "a worker was stopped or starved of CPU; its timeouts leave that time out"
            );
        }
        self.shared.now.set(now);
        for entry in self.shared.entries.borrow().iter().filter(|entry| entry.at.get() <= now) {
            if let Some(waker) = entry.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }

    /// Sweeps for as long as it is polled. After each sweep, `swept` is told how much later than due it came.
    pub async fn run(&self, swept: impl Fn(Duration)) {
        let mut ticks = tokio::time::interval(GRANULARITY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = ticks.tick().await;
            let late = Instant::now().saturating_duration_since(due);
            self.sweep();
            swept(late);
        }
    }
}

/// One timeout, set and cleared many times. It leaves its worker's list when it is dropped.
#[derive(Debug)]
pub struct Deadline {
    shared: Rc<Shared>,
    entry: Rc<Entry>,
    /// However late it is set, it fires by then.
    cap: Cell<Moment>,
}

impl Deadline {
    /// Fires once `span` has passed from now.
    pub fn set(&self, span: Duration) {
        self.set_at(self.after(span));
    }

    /// The time of the last sweep.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared.now.get()
    }

    /// The moment at which `span` has passed from now for certain.
    #[must_use]
    pub fn after(&self, span: Duration) -> Moment {
        self.shared.after(span)
    }

    /// The clock that it runs on, as long as there are no gaps.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Fires at `at`.
    pub fn set_at(&self, at: Moment) {
        self.entry.at.set(at.min(self.cap.get()));
    }

    /// Whenever it is set from now on, it fires at `cap` at the latest.
    pub fn cap(&self, cap: Moment) {
        self.cap.set(cap);
    }

    /// Takes the cap away.
    pub fn uncap(&self) {
        self.cap.set(NEVER);
    }

    /// Whether the cap has passed.
    #[must_use]
    pub fn is_past_cap(&self) -> bool {
        self.cap.get() <= self.shared.now.get()
    }

    /// Doesn't fire.
    pub fn clear(&self) {
        self.entry.at.set(NEVER);
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.entry.at.get() != NEVER
    }

    /// Whether it fires within `span` from now.
    #[must_use]
    pub fn is_set_within(&self, span: Duration) -> bool {
        self.entry.at.get() <= self.after(span)
    }

    /// Whether the time has passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.entry.at.get() <= self.shared.now.get()
    }

    /// Ready once the time has passed. Only the last task that polled is woken.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_passed() {
            return Poll::Ready(());
        }
        let mut waker = self.entry.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut entries = self.shared.entries.borrow_mut();
        let place = self.entry.place.get();
        let entry = entries.swap_remove(place);
        if let Some(moved) = entries.get(place) {
            moved.place.set(place);
        }
        let mut spare = self.shared.spare.borrow_mut();
        if spare.len() < SPARE {
            entry.at.set(NEVER);
            entry.waker.take();
            spare.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::WakeCount;

    fn passed(deadline: &Deadline) -> bool {
        deadline.poll(&Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn fires_when_due_and_not_when_cleared() {
        let deadlines = Deadlines::new(Clock::start());
        let deadline = deadlines.deadline();
        assert!(!deadline.is_set() && !passed(&deadline));
        deadline.set_at(deadlines.now());
        assert!(passed(&deadline));
        deadline.clear();
        assert!(!passed(&deadline));
        deadline.set(Duration::from_secs(3600));
        deadlines.sweep();
        assert!(deadline.is_set() && !passed(&deadline));
    }

    #[test]
    fn a_cap_comes_before_whatever_is_set() {
        let deadlines = Deadlines::new(Clock::start());
        let deadline = deadlines.deadline();
        deadline.cap(deadlines.now());
        assert!(deadline.is_past_cap() && !passed(&deadline), "a cap alone doesn't fire");
        deadline.set(Duration::from_secs(3600));
        assert!(passed(&deadline));
        deadline.cap(deadlines.now().after(Duration::from_secs(60)));
        assert!(!deadline.is_past_cap());
        deadline.set(Duration::from_secs(3600));
        assert!(!passed(&deadline) && deadline.is_set_within(Duration::from_secs(60)));
        deadline.uncap();
        deadline.set(Duration::from_secs(3600));
        assert!(!deadline.is_set_within(Duration::from_secs(60)) && !deadline.is_past_cap());
    }

    #[test]
    fn time_in_which_nothing_ran_does_not_count() {
        let deadlines = Deadlines::new(Clock::start());
        let began = deadlines.now();
        let at = |milliseconds| began.after(Duration::from_millis(milliseconds));
        let deadline = deadlines.deadline();
        deadline.set_at(at(1_000));
        for milliseconds in [50, 100, 550] {
            deadlines.sweep_at(at(milliseconds));
        }
        assert_eq!(deadlines.now(), at(550), "late, but it ran");
        // Stopped for three seconds. Before the first sweep, too, that is no time of anybody's.
        assert_eq!(deadlines.awake(at(3_560)), at(600));
        deadlines.sweep_at(at(3_560));
        assert_eq!(deadlines.awake(at(3_570)), at(610));
        assert!(!passed(&deadline));
        deadlines.sweep_at(at(3_950));
        assert!(!passed(&deadline));
        deadlines.sweep_at(at(3_960));
        assert!(passed(&deadline), "400 ms more, and it has run for a second");
        // Once more.
        deadlines.sweep_at(at(60_000));
        assert_eq!(deadlines.now(), at(1_050));
    }

    #[test]
    fn a_sweep_wakes_only_what_is_due() {
        let deadlines = Deadlines::new(Clock::start());
        let (due, later) = (deadlines.deadline(), deadlines.deadline());
        later.set(Duration::from_secs(3600));
        let [due_wakes, later_wakes] = [&due, &later].map(|deadline| {
            let count = Arc::<WakeCount>::default();
            assert!(deadline.poll(&Context::from_waker(&count.waker())).is_pending());
            count
        });
        due.set_at(Moment(0));
        deadlines.sweep();
        assert_eq!((due_wakes.get(), later_wakes.get()), (1, 0));
    }

    #[test]
    fn a_new_deadline_knows_nothing_of_one_that_is_gone() {
        let deadlines = Deadlines::new(Clock::start());
        let gone = deadlines.deadline();
        gone.set_at(Moment(0));
        drop(gone);
        let new = deadlines.deadline();
        assert!(!new.is_set() && !passed(&new));
    }

    #[test]
    fn leaving_keeps_the_others() {
        let deadlines = Deadlines::new(Clock::start());
        let mut all: Vec<Deadline> = (0..5).map(|_| deadlines.deadline()).collect();
        for place in [0, 3, 1, 1, 0] {
            drop(all.remove(place));
            assert_eq!(deadlines.shared.entries.borrow().len(), all.len());
            for deadline in &all {
                deadline.set_at(Moment(0));
                assert!(passed(deadline));
                deadline.clear();
            }
        }
    }
}
