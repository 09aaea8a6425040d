//! What the gate of a connection tells those who serve it, while `h2` holds the gate.

use std::cell::Cell;

use super::fault::GateFault;

/// What the gate has seen.
#[derive(Debug, Default)]
pub struct Oversight {
    fault: Cell<Option<GateFault>>,
}

impl Oversight {
    /// Why the connection has to end. Nothing is read any more.
    #[must_use]
    pub fn fault(&self) -> Option<GateFault> {
        self.fault.get()
    }

    pub(super) fn set_fault(&self, fault: GateFault) {
        self.fault.set(Some(fault));
    }
}
