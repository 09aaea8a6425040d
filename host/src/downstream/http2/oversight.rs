//! What the gate of a connection tells those who serve it, while `h2` holds the gate.

use std::cell::Cell;

use super::fault::GateFault;

/// What the gate has seen.
#[derive(Debug, Default)]
pub struct Oversight {
    fault: Cell<Option<GateFault>>,
    is_within_frame: Cell<bool>,
    is_stalled: Cell<bool>,
}

impl Oversight {
    /// Why the connection has to end. Nothing is read any more.
    #[must_use]
    pub fn fault(&self) -> Option<GateFault> {
        self.fault.get()
    }

    /// Whether the client has begun a frame or a header block, and not ended it.
    #[must_use]
    pub fn is_within_frame(&self) -> bool {
        self.is_within_frame.get()
    }

    /// Whether the client doesn't take at the moment what is to be sent.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.is_stalled.get()
    }

    pub(super) fn set_fault(&self, fault: GateFault) {
        self.fault.set(Some(fault));
    }

    pub(super) fn set_within_frame(&self, is_within_frame: bool) {
        self.is_within_frame.set(is_within_frame);
    }

    pub(super) fn set_stalled(&self, is_stalled: bool) {
        self.is_stalled.set(is_stalled);
    }
}
