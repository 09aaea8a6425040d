//! The waker hyper holds: forwards to the task that awaits the connection.

use std::sync::Arc;
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// What a connection wakes: the task that uses it, for as long as that waits for it.
///
/// hyper keeps the waker that its connection was last polled with: for the socket, for the next request, for the place that a
/// part of a body leaves. Given the task's own, it would wake that task for what the task does itself, and the last user of the
/// connection for what the next one does with it. Each such wake-up polls a whole request's state without progress. So hyper gets
/// this one, which stays the same and leads to a task only while that task waits.
#[derive(Debug)]
pub(super) struct DriverWaker {
    user: Arc<User>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct User(Mutex<Option<Waker>>);

impl Default for DriverWaker {
    fn default() -> Self {
        let user = Arc::<User>::default();
        Self { waker: Waker::from(Arc::clone(&user)), user }
    }
}

impl DriverWaker {
    /// Wakes this task once, from now on.
    pub(super) fn arm(&self, waker: &Waker) {
        let waker = waker.clone();
        // The previous one is dropped when the lock is released.
        let _before = self.user.0.lock().replace(waker);
    }

    /// Wakes no task from now on: the user is about to use the connection, or leaves it.
    pub(super) fn disarm(&self) {
        let _before = self.user.0.lock().take();
    }

    /// The waker to poll the connection with.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }
}

impl Wake for User {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let task = self.0.lock().take();
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
    fn only_a_user_that_waits_is_woken_and_once() {
        let user = DriverWaker::default();
        let connection = user.waker().clone();
        let [first, second] = [(); 2].map(|()| Arc::<WakeCount>::default());
        let woken = || (first.get(), second.get());

        connection.wake_by_ref();
        user.arm(&first.waker());
        connection.wake_by_ref();
        connection.wake_by_ref();
        assert_eq!(woken(), (1, 0));

        user.arm(&first.waker());
        user.disarm();
        connection.wake_by_ref();
        assert_eq!(woken(), (1, 0));

        user.arm(&first.waker());
        user.arm(&second.waker());
        connection.wake();
        assert_eq!(woken(), (1, 1));
    }
}
