//! What one thread waits for and another one lets happen.

use std::sync::{Arc, Condvar, Mutex};

use super::DEADLINE;

/// Closed until it is opened, once for all.
#[derive(Debug, Clone, Default)]
pub struct Latch {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Latch {
    /// Opens it.
    pub fn open(&self) {
        *self.shared.0.lock().expect("no panic") = true;
        self.shared.1.notify_all();
    }

    /// Waits until it is open, or until the test must have failed.
    pub fn wait(&self) {
        let open = self.shared.0.lock().expect("no panic");
        drop(self.shared.1.wait_timeout_while(open, DEADLINE, |open| !*open));
    }
}
