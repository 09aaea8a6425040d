//! What the parts of a connection wake: its task, unless that is at work on them anyway.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// The wakers with which h2 and the streams are polled.
///
/// They wake each other all the time: a stream that has something to send wakes h2, a window that opens wakes a stream. Given
/// the task's own waker, each turn of the task would be followed by one in which nothing happens. With these, the task sees which of
/// the two has to go on, and is woken only while it waits.
#[derive(Debug)]
pub(super) struct ConnectionWaker {
    task: Arc<Task>,
    /// h2.
    pub(super) protocol: Part,
    /// The streams.
    pub(super) streams: Part,
}

/// The task, while it waits.
type Task = Mutex<Option<Waker>>;

/// One of the two that wake the task.
#[derive(Debug)]
pub(super) struct Part {
    state: Arc<State>,
    waker: Waker,
}

#[derive(Debug)]
struct State {
    woken: AtomicBool,
    task: Arc<Task>,
}

impl Part {
    /// It is due, as it was never polled.
    fn new(task: &Arc<Task>) -> Self {
        let state = Arc::new(State { woken: AtomicBool::new(true), task: Arc::clone(task) });
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }

    /// The waker to poll it with.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether it was woken since this was last asked.
    pub(super) fn take_woken(&self) -> bool {
        self.state.woken.swap(false, AcqRel)
    }

    fn is_woken(&self) -> bool {
        self.state.woken.load(Acquire)
    }
}

impl ConnectionWaker {
    /// Both are due.
    pub(super) fn new() -> Self {
        let task = Arc::default();
        Self { protocol: Part::new(&task), streams: Part::new(&task), task }
    }

    /// The task is at work.
    pub(super) fn disarm(&self) {
        let _before = self.task.lock().take();
    }

    /// The task waits, and is woken from now on.
    pub(super) fn arm(&self, task: &Waker) {
        let _before = self.task.lock().replace(task.clone());
    }

    /// Whether there is something left to do.
    pub(super) fn is_woken(&self) -> bool {
        self.protocol.is_woken() || self.streams.is_woken()
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Release);
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::WakeCount;

    #[test]
    fn a_task_is_woken_while_it_waits_and_sees_what_was_woken_before() {
        let waker = ConnectionWaker::new();
        assert!(waker.protocol.take_woken() && waker.streams.take_woken() && !waker.is_woken());
        let task = Arc::<WakeCount>::default();
        waker.streams.waker().wake_by_ref();
        assert!(waker.is_woken() && !waker.protocol.take_woken() && waker.streams.take_woken());
        waker.arm(&task.waker());
        waker.protocol.waker().wake_by_ref();
        waker.streams.waker().wake_by_ref();
        assert!(task.get() == 1 && waker.protocol.take_woken() && waker.streams.take_woken());
        waker.arm(&task.waker());
        waker.disarm();
        waker.protocol.waker().wake_by_ref();
        assert_eq!(task.get(), 1);
    }
}
