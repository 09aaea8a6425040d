//! How many responses are compressed at a time.

use std::cell::Cell;
use std::rc::Rc;

/// Room for responses that are compressed on one worker.
#[derive(Debug, Clone)]
pub(super) struct Room {
    active: Rc<Cell<usize>>,
    most: usize,
}

/// The part of one response in it.
#[derive(Debug)]
pub(super) struct Active(Rc<Cell<usize>>);

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self { active: Rc::default(), most }
    }

    /// A part, until it is dropped; none if all of them are taken.
    pub(super) fn take(&self) -> Option<Active> {
        let active = self.active.get();
        (active < self.most).then(|| {
            self.active.set(active + 1);
            Active(Rc::clone(&self.active))
        })
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
