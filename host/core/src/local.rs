//! A shared object as one worker holds it.

use std::rc::Rc;
use std::sync::Arc;

/// A reference whose clones are counted by one worker alone.
///
/// Each request holds on to its pool and its backends until its record is written. Cloning the [`Arc`] itself would have all
/// workers write to one counter, for every request.
#[derive(Debug)]
#[expect(clippy::redundant_allocation, reason = "the outer count is what it is for")]
pub struct Local<T>(Rc<Arc<T>>);

impl<T> Local<T> {
    /// The first reference of a worker.
    #[must_use]
    pub fn new(shared: Arc<T>) -> Self {
        Self(Rc::new(shared))
    }

    /// What all workers share.
    #[must_use]
    pub fn shared(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}
