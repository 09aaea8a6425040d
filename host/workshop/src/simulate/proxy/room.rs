//! Which backends are full.

use crate::spec::Spec;

/// What a proxy has in flight to each backend, by the backend's number in the simulation. Policies may see counts of a time ago; this is
/// what is.
pub(super) struct Room {
    /// Most that each may have, and what it has.
    backends: Vec<(u32, u32)>,
}

impl Room {
    /// None, if no backend has a limit.
    pub(super) fn of(spec: &Spec) -> Option<Self> {
        let has_limits = spec.backends.iter().any(|group| group.get_ref().max_requests.is_some());
        has_limits.then(|| Self {
            backends: spec.members().map(|(_, group)| (group.max_requests.unwrap_or(u32::MAX), 0)).collect(),
        })
    }

    /// Takes a place at a backend; false if it is full.
    pub(super) fn take(&mut self, backend: u32) -> bool {
        let (most, in_flight) = &mut self.backends[backend as usize];
        let has_room = *in_flight < *most;
        *in_flight += u32::from(has_room);
        has_room
    }

    /// Gives a place back that was taken.
    pub(super) fn free(&mut self, backend: u32) {
        self.backends[backend as usize].1 -= 1;
    }
}
