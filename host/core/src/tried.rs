//! The backends that a request may not use again.

use crate::backend::{BackendIndex, TopologyGeneration};

/// Backends that a request may not use again. Almost always empty, so it costs nothing until it isn't.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// 0 for the first attempt of a request, 1 for its first retry and so on.
    pub attempt: u32,
    /// The topology in which the indexes count.
    topology: TopologyGeneration,
    backends: Vec<BackendIndex>,
}

impl Tried {
    /// Forgets the backends if their indexes count in another topology than this one: a wrong backend ruled out is
    /// worse than a second try.
    #[inline]
    pub fn rebase(&mut self, topology: TopologyGeneration) {
        if self.topology != topology {
            self.topology = topology;
            self.backends.clear();
        }
    }

    /// Whether the backend is out of the question.
    #[inline]
    #[must_use]
    pub fn contains(&self, index: BackendIndex) -> bool {
        self.backends.contains(&index)
    }

    /// Rules a backend out.
    pub fn insert(&mut self, index: BackendIndex) {
        if !self.contains(index) {
            self.backends.push(index);
        }
    }

    /// The backends that are out of the question.
    pub fn iter(&self) -> impl Iterator<Item = BackendIndex> {
        self.backends.iter().copied()
    }

    /// How many backends are ruled out.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.backends.len()
    }

    /// Whether every backend is still possible.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backends.is_empty()
    }
}
