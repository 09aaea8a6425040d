//! Whom a connection to a backend wakes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The task that uses a connection, for as long as it waits for it.
///
/// hyper keeps the waker that its connection was last polled with: for the socket, for the next request, for the place
/// that a part of a body leaves. Given the task's own, it would wake that task for what the task does itself, and
/// whoever used the connection last for what the next one does with it. Each time a whole request's state is polled in vain.
/// So hyper gets this one, which stays the same and leads to a task only while that task waits.
#[derive(Debug, Default)]
pub(super) struct ConnectionUser(Mutex<Option<Waker>>);

impl ConnectionUser {
    /// Wakes this task once, from now on.
    pub(super) fn waits(&self, waker: &Waker) {
        let waker = waker.clone();
        // The one before is dropped when the lock is gone.
        let _before = self.lock().replace(waker);
    }

    /// Wakes nobody from now on: the task is about to use the connection, or leaves it.
    pub(super) fn waits_no_longer(&self) {
        let _before = self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        // A waker that panics leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for ConnectionUser {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let user = self.lock().take();
        if let Some(user) = user {
            user.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::WakeCount;

    #[test]
    fn only_a_user_that_waits_is_woken_and_once() {
        let user = Arc::new(ConnectionUser::default());
        let connection = Waker::from(Arc::clone(&user));
        let [first, second] = [(); 2].map(|()| Arc::<WakeCount>::default());
        let woken = || (first.get(), second.get());

        connection.wake_by_ref();
        user.waits(&first.waker());
        connection.wake_by_ref();
        connection.wake_by_ref();
        assert_eq!(woken(), (1, 0));

        user.waits(&first.waker());
        user.waits_no_longer();
        connection.wake_by_ref();
        assert_eq!(woken(), (1, 0));

        user.waits(&first.waker());
        user.waits(&second.waker());
        connection.wake();
        assert_eq!(woken(), (1, 1));
    }
}
