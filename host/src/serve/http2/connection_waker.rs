//! What the parts of a connection wake: its task, unless that is at work on them anyway.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// The waker with which a connection and its streams are polled.
///
/// They wake each other all the time: a stream that has something to send wakes the connection, a window that opens wakes a stream. Given
/// the task's own waker, each turn of the task would be followed by one in which nothing happens. With this one, the task sees that it
/// has to go on, and is woken only while it waits.
#[derive(Debug)]
pub(super) struct ConnectionWaker {
    state: Arc<State>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct State {
    woken: AtomicBool,
    /// The task, while it waits.
    task: Mutex<Option<Waker>>,
}

impl Default for ConnectionWaker {
    fn default() -> Self {
        let state = Arc::<State>::default();
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }
}

impl ConnectionWaker {
    /// The waker to poll with.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// The task is at work.
    pub(super) fn disarm(&self) {
        let _before = self.state.task.lock().take();
    }

    /// The task waits, and is woken from now on.
    pub(super) fn arm(&self, task: &Waker) {
        let _before = self.state.task.lock().replace(task.clone());
    }

    /// Whether something was woken since this was last asked.
    pub(super) fn take_woken(&self) -> bool {
        self.state.woken.swap(false, AcqRel)
    }

    /// Whether something was woken since [`take_woken`](Self::take_woken) was last called.
    pub(super) fn is_woken(&self) -> bool {
        self.state.woken.load(Acquire)
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
        let waker = ConnectionWaker::default();
        let task = Arc::<WakeCount>::default();
        waker.waker().wake_by_ref();
        assert!(waker.is_woken() && waker.take_woken() && !waker.take_woken());
        waker.arm(&task.waker());
        waker.waker().wake_by_ref();
        waker.waker().wake_by_ref();
        assert!(task.get() == 1 && waker.is_woken());
        waker.arm(&task.waker());
        waker.disarm();
        waker.waker().wake_by_ref();
        assert_eq!(task.get(), 1);
    }
}
