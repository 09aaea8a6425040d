//! What can go wrong in a call into a guest, by kind, with what helps its author.

use std::fmt;

use pointsman_core::printable::Printable;
use wasmtime::{Trap, WasmBacktrace};

use crate::guest::{Call, LimitExceeded};
use crate::imports::HostRefusal;
use crate::symbol::demangled;
use crate::verdict::BadVerdict;

/// Kinds of faults: the label of logs and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The guest trapped: a panic, a division by zero, an access outside its memory, a stack overflow.
    Trap,
    /// The guest used up its CPU time.
    Deadline,
    /// The guest asked for more memory or table than it may have.
    Memory,
    /// The guest's verdict can't be followed.
    BadVerdict,
    /// The guest called a host function in a way that the contract rules out.
    HostRefusal,
    /// The guest's calls took more of a worker's time than its share.
    Overspent,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Trap, Self::Deadline, Self::Memory, Self::BadVerdict, Self::HostRefusal, Self::Overspent];

    /// The label of logs and counters.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::BadVerdict => "bad-verdict",
            Self::HostRefusal => "host-refusal",
            Self::Overspent => "overspent",
        }
    }
}

/// One failed call into a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The call that failed.
    pub call: Call,
    /// What happened, in words.
    pub message: Printable,
    /// The guest's last words, if it had any.
    pub panic: Option<Printable>,
    /// Functions that were running, innermost first; empty if none is known.
    pub backtrace: Printable,
}

impl Fault {
    /// A fault from the error of a call.
    pub(super) fn from_error(call: Call, error: &wasmtime::Error, panic: Option<Printable>) -> Self {
        let (kind, message) = if let Some(refusal) = error.downcast_ref::<HostRefusal>() {
            (FaultKind::HostRefusal, Printable::text(refusal))
        } else if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
            (FaultKind::Memory, Printable::text(exceeded))
        } else {
            match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt | Trap::OutOfFuel) => {
                    (FaultKind::Deadline, "used up the CPU time of one call".into())
                }
                Some(trap) => (FaultKind::Trap, Printable::text(trap)),
                None => without_trap(error),
            }
        };
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(short_backtrace).unwrap_or_default();
        Self { kind, call, message, panic, backtrace }
    }

    /// A fault of a guest that was ready before and now refuses to start.
    pub(super) fn from_refusal(reason: &Printable) -> Self {
        Self {
            kind: FaultKind::Trap,
            call: Call::Init,
            message: Printable::text(format_args!("refuses to start: {reason}")),
            panic: None,
            backtrace: Printable::default(),
        }
    }

    /// A fault of a guest that has taken more than its share of time.
    pub(super) fn from_spending(call: Call, message: fmt::Arguments<'_>) -> Self {
        Self {
            kind: FaultKind::Overspent,
            call,
            message: Printable::text(message),
            panic: None,
            backtrace: Printable::default(),
        }
    }

    /// A fault from an answer that can't be followed.
    pub(super) fn from_verdict(bad: BadVerdict) -> Self {
        Self {
            kind: FaultKind::BadVerdict,
            call: Call::Pick,
            message: Printable::text(bad),
            panic: None,
            backtrace: Printable::default(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in `{}`: {}", self.kind.label(), self.call.name(), self.message)?;
        if let Some(panic) = &self.panic {
            write!(f, "; the guest's last words: {panic}")?;
        }
        if !self.backtrace.as_str().is_empty() {
            write!(f, "; at {}", self.backtrace)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// The host couldn't do what it was asked to.
fn without_trap(error: &wasmtime::Error) -> (FaultKind, Printable) {
    let text = format!("{error:#}");
    if !text.contains("os error 12") {
        return (FaultKind::Trap, Printable::text(text));
    }
    let refused = Printable::text(format_args!(
        "the system has no memory for another instance ({text}). Each worker has an instance of each policy, which takes two memory \
         maps: raise `vm.max_map_count` or the limit of address space (`ulimit -v`, `LimitAS=`), or have fewer `workers`"
    ));
    (FaultKind::Memory, refused)
}

/// The frames in one line. Functions without a name, as in stripped plugins, are shown by their number.
fn short_backtrace(backtrace: &WasmBacktrace) -> Printable {
    let frames = backtrace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => Printable::name(demangled(name)).to_string(),
        None => format!("function {}", frame.func_index()),
    });
    Printable::text(frames.collect::<Vec<_>>().join(" < "))
}
