//! Requests that wait because every backend that may serve them is full: one queue for all workers.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::task::{Context, Waker};

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use crate::sync::{Mutex, MutexGuard};

/// The queue of a pool. Only the first in it may claim a backend, so no request overtakes another.
///
/// The lock isn't taken while the queue is empty, and never held for longer than it takes to move a few pointers.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: AtomicU64,
    standing_by: AtomicU64,
    line: Mutex<Line>,
    overflows: AtomicU64,
    timeouts: AtomicU64,
}

#[derive(Debug, Default)]
struct Line {
    next_ticket: u64,
    /// In the order of their tickets.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    waker: Waker,
}

/// A wait outside the order of the queue, until this is dropped.
#[derive(Debug)]
pub struct StandBy<'a>(&'a Queue);

/// A place in the queue, given up when this is dropped.
#[derive(Debug)]
pub struct QueueTicket<'a> {
    queue: &'a Queue,
    ticket: u64,
}

impl Queue {
    /// Requests in the queue.
    #[inline]
    #[must_use]
    pub fn len(&self) -> u64 {
        self.waiting.load(SeqCst)
    }

    /// Whether it is empty.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins the end of the queue; `None`, and counted, if `length` wait already.
    #[must_use]
    pub fn join(&self, length: u64) -> Option<QueueTicket<'_>> {
        let mut line = self.line();
        if !self.has_room(&line, length) {
            return None;
        }
        let ticket = line.next_ticket;
        line.next_ticket += 1;
        line.waiting.push_back(Waiting { ticket, waker: Waker::noop().clone() });
        self.waiting.fetch_add(1, SeqCst);
        Some(QueueTicket { queue: self, ticket })
    }

    /// Waits for a backend that can't be reached, outside the order of the queue: there is no turn to wait for. `None`, and counted,
    /// if `length` wait already.
    #[must_use]
    pub fn stand_by(&self, length: u64) -> Option<StandBy<'_>> {
        let line = self.line();
        if !self.has_room(&line, length) {
            return None;
        }
        self.standing_by.fetch_add(1, Relaxed);
        Some(StandBy(self))
    }

    /// Whether fewer than `length` wait; counted if not.
    fn has_room(&self, line: &Line, length: u64) -> bool {
        let has_room = line.waiting.len() as u64 + self.standing_by.load(Relaxed) < length;
        if !has_room {
            self.overflows.fetch_add(1, Relaxed);
        }
        has_room
    }

    /// Wakes the first, if there is one: a backend may have room.
    #[inline]
    pub fn wake(&self) {
        if !self.is_empty()
            && let Some(first) = self.line().waiting.front()
        {
            first.waker.wake_by_ref();
        }
    }

    /// Requests turned away because the queue was full.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Relaxed)
    }

    /// Counts a request that has waited for too long.
    pub fn count_timeout(&self) {
        self.timeouts.fetch_add(1, Relaxed);
    }

    /// Requests that have waited for too long.
    #[must_use]
    pub fn timeouts(&self) -> u64 {
        self.timeouts.load(Relaxed)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // A panic can't leave half a change: the queue is changed by single calls.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn place(&self, ticket: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }
}

impl QueueTicket<'_> {
    /// Whether it is the first in the queue. If not, or if no backend has room, the task is woken when it may try again.
    #[must_use]
    pub fn is_first(&self, cx: &Context<'_>) -> bool {
        let mut line = self.queue.line();
        let Some(place) = line.place(self.ticket) else { return true };
        let waker = &mut line.waiting[place].waker;
        if !waker.will_wake(cx.waker()) {
            waker.clone_from(cx.waker());
        }
        place == 0
    }
}

impl Drop for StandBy<'_> {
    fn drop(&mut self) {
        self.0.standing_by.fetch_sub(1, Relaxed);
    }
}

impl Drop for QueueTicket<'_> {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        let Some(place) = line.place(self.ticket) else { return };
        line.waiting.remove(place);
        self.queue.waiting.fetch_sub(1, SeqCst);
        // More than one backend may have room, and one that leaves may have used up the wake-up for it.
        if place == 0
            && let Some(first) = line.waiting.front()
        {
            first.waker.wake_by_ref();
        }
    }
}

#[cfg(all(test, loom))]
#[path = "queue/models.rs"]
mod models;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    /// Counts how often its wakers are woken.
    #[derive(Debug, Default)]
    struct WakeCount(AtomicUsize);

    impl WakeCount {
        fn get(&self) -> usize {
            self.0.load(Relaxed)
        }

        fn waker(self: &Arc<Self>) -> Waker {
            Waker::from(Arc::clone(self))
        }
    }

    impl Wake for WakeCount {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// A place whose task is waiting, and how often that was woken.
    fn wait(queue: &Queue) -> (QueueTicket<'_>, Arc<WakeCount>) {
        let count = Arc::<WakeCount>::default();
        let place = queue.join(u64::MAX).expect("there is room");
        let _ = place.is_first(&Context::from_waker(&count.waker()));
        (place, count)
    }

    fn is_first(place: &QueueTicket<'_>) -> bool {
        place.is_first(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_in_is_the_first_out() {
        let queue = Queue::default();
        let places: Vec<_> = (0..4).map(|_| wait(&queue)).collect();
        queue.wake();
        let woken: Vec<_> = places.iter().map(|(_, count)| count.get()).collect();
        assert_eq!((woken, queue.len()), (vec![1, 0, 0, 0], 4));
        let mut places = places.into_iter();
        for left in (0..4).rev() {
            let (first, _) = places.next().expect("one is left");
            assert!(is_first(&first) && places.as_slice().iter().all(|(place, _)| !is_first(place)));
            drop(first);
            assert_eq!(queue.len(), left);
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn the_first_to_leave_wakes_only_the_next() {
        let queue = Queue::default();
        let (first, _) = wait(&queue);
        let (second, second_woken) = wait(&queue);
        let (third, third_woken) = wait(&queue);
        drop(second);
        assert_eq!(third_woken.get(), 0, "it isn't its turn");
        drop(first);
        assert_eq!((third_woken.get(), second_woken.get()), (1, 0));
        drop(third);
        queue.wake();
        assert!(queue.is_empty());
    }

    #[test]
    fn a_full_queue_refuses_more() {
        let queue = Queue::default();
        assert!(queue.join(0).is_none());
        let one = queue.join(1);
        assert!(one.is_some() && queue.join(1).is_none());
        drop(one);
        assert!(queue.join(1).is_some());
        assert_eq!((queue.overflows(), queue.len()), (2, 0));
    }

    #[test]
    fn standing_by_takes_room_but_no_turn() {
        let queue = Queue::default();
        let standing_by = queue.stand_by(2).expect("there is room");
        assert!(queue.is_empty(), "no request has to queue behind it");
        let (first, _) = wait(&queue);
        assert!(is_first(&first));
        assert!(queue.stand_by(2).is_none() && queue.join(2).is_none());
        drop(standing_by);
        assert!(queue.stand_by(2).is_some() && queue.join(2).is_some());
        assert_eq!(queue.overflows(), 2);
    }

    #[test]
    fn many_workers_share_the_line() {
        let queue = Queue::default();
        let entered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let place = queue.join(3);
                        assert!(queue.len() <= 3);
                        entered.fetch_add(usize::from(place.is_some()), Relaxed);
                    }
                });
            }
        });
        assert!(queue.is_empty() && entered.load(Relaxed) as u64 + queue.overflows() == 4_000);
    }
}
