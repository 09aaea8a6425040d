//! Requests at backends, told apart by numbers.

/// A request that is being served, by its place among all that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobId(pub(super) u32);
