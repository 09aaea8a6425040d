//! What the gate of a connection tells those who serve it, while `h2` holds the gate.

use std::cell::{Cell, RefCell};

use super::fault::GateFault;
use super::frames::PREFACE;
use super::resets::Resets;

/// What the gate has seen.
#[derive(Debug)]
pub struct Oversight {
    fault: Cell<Option<GateFault>>,
    /// The socket takes nothing.
    blocked: Cell<bool>,
    /// Resets among what the client sends.
    pub(super) received: RefCell<Resets>,
    /// Resets among what is sent to it.
    pub(super) sent: RefCell<Resets>,
}

impl Default for Oversight {
    fn default() -> Self {
        let (received, sent) = (Resets::after(PREFACE), Resets::after(0));
        Self {
            fault: Cell::default(),
            blocked: Cell::default(),
            received: RefCell::new(received),
            sent: RefCell::new(sent),
        }
    }
}

impl Oversight {
    /// Why the connection has to end. Nothing is read any more.
    #[must_use]
    pub fn fault(&self) -> Option<GateFault> {
        self.fault.get()
    }

    /// Whether the socket took nothing when it was last given something.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.set(blocked);
    }

    pub(super) fn set_fault(&self, fault: GateFault) {
        self.fault.set(Some(fault));
    }
}
