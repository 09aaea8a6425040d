//! A client that waits for permission to send its body (`Expect: 100-continue`), or doesn't wait.

use std::cell::Cell;

use super::Client;

/// What the path and the gate tell each other of such a body. It isn't read before it is permitted, as reading it would permit it.
#[derive(Debug, Default)]
pub struct Expectation {
    /// The request whose body the path waits for; 0 if for none.
    awaited: Cell<u64>,
    /// The last request of whose body something has come.
    came: Cell<u64>,
}

impl Expectation {
    /// The path has no permission for the body of a request yet, and wants to know if it comes all the same.
    pub fn wait_for(&self, number: u64) {
        self.awaited.set(number);
    }

    /// It does no longer.
    pub fn stop_waiting(&self) {
        self.awaited.set(0);
    }

    /// Whether something of the body of a request has come.
    #[must_use]
    pub fn has_come(&self, number: u64) -> bool {
        self.came.get() >= number
    }
}

// The gate's side.
impl Client {
    /// Something of the body of the last request that passed has come with it.
    pub(in crate::downstream) fn body_has_come(&self) {
        self.expectation.came.set(self.passed.get());
    }

    /// Whether the path waits for a body that may come without permission.
    pub(in crate::downstream) fn waits_for_body(&self) -> bool {
        self.expectation.awaited.get() != 0
    }

    /// That body comes.
    pub(in crate::downstream) fn awaited_body_comes(&self) {
        self.expectation.came.set(self.expectation.awaited.take());
    }
}
