//! Whether a starting process serves or ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets one through: the start that is about to accept connections, or the signal that gives the start up. Without it a signal could end
/// the process without a drain after its first connection was accepted and before whoever started it knew.
#[derive(Debug, Clone, Default)]
pub struct StartGate(Arc<AtomicBool>);

impl StartGate {
    /// Whether the caller is the first.
    #[must_use]
    pub fn pass(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_passes() {
        let (gate, other) = {
            let gate = StartGate::default();
            (gate.clone(), gate)
        };
        assert!(gate.pass());
        assert!(!other.pass());
        assert!(!gate.pass());
    }
}
