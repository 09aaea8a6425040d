//! A shared object as one worker holds it.

use std::cell::Cell;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

/// What all workers share and count something of.
pub trait Shared {
    /// What one worker has counted and not yet told the others.
    type Cells: Debug;

    /// Cells in which nothing is counted.
    fn cells(&self) -> Self::Cells;

    /// Adds what a worker has counted, and empties its cells.
    fn add(&self, cells: &Self::Cells);
}

/// A reference whose clones are counted by one worker alone, with that worker's own counters.
///
/// Each request holds on to its pool and its backends until its record is written. Cloning the [`Arc`] itself would have all
/// workers write to one counter, for every request; so would counting in what they share.
#[derive(Debug)]
pub struct Local<T: Shared>(Rc<Inner<T>>);

#[derive(Debug)]
struct Inner<T: Shared> {
    shared: Arc<T>,
    cells: T::Cells,
    has_news: Cell<bool>,
}

impl<T: Shared> Local<T> {
    /// The first reference of a worker.
    #[must_use]
    pub fn new(shared: Arc<T>) -> Self {
        let cells = shared.cells();
        Self(Rc::new(Inner { shared, cells, has_news: Cell::new(false) }))
    }

    /// What all workers share.
    #[inline]
    #[must_use]
    pub fn shared(&self) -> &Arc<T> {
        &self.0.shared
    }

    /// This worker's counters.
    #[inline]
    #[must_use]
    pub fn cells(&self) -> &T::Cells {
        &self.0.cells
    }

    /// Something is about to be counted. Whether it is the first time since [`tell`](Self::tell): then this has to be remembered for it.
    #[inline]
    #[must_use]
    pub fn note(&self) -> bool {
        !self.0.has_news.replace(true)
    }

    /// Adds what was counted to what all workers share.
    pub fn tell(&self) {
        self.0.has_news.set(false);
        self.0.shared.add(&self.0.cells);
    }
}

impl<T: Shared> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}
