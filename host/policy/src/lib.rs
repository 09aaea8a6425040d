//! Policies: plugins that pick backends, and everything that makes it safe to let them.
//!
//! ```text
//!  plugin file ──► loader/compiler ──► loader/keeper ──► slot ──► picker ──► instance ──► guest
//!                  admission           build, publish    mailbox   (worker)   store        Wasm
//!                                      ◄── rebuild, reap ─────────────┘         └── imports ◄──┘
//! ```
//!
//! The control side works on threads of its own; the data path has a [`Picker`] per worker and pool, which never
//! waits, compiles or drops anything. A guest's answer is untrusted: whatever it does, the request gets a backend as
//! long as one is eligible.

#![forbid(unsafe_code)]

mod admission;
mod bundled;
mod cells;
mod engine;
mod fallback;
mod fault;
mod guest;
mod imports;
mod instance;
mod kept;
mod ledger;
mod loader;
mod picker;
mod rng;
mod settings;
mod slot;
mod symbol;
#[cfg(test)]
mod testing;
mod ticker;
mod trial;
mod verdict;
mod version;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use admission::fuzz;
pub use admission::{Refusal, Shape};
pub use bundled::{bundled, names};
pub use cells::Cells;
pub use fault::{Fault, FaultKind};
pub use guest::Call;
pub use kept::Kept;
pub use ledger::{Ledger, Tally};
pub use loader::{Checked, Event, Milestone, Opened, Plugin, PolicyLoader, StartError, Swap, SwapOutcome};
pub use picker::{ChosenBy, Pick, Picked, Picker, Response};
pub use settings::{OnFault, PolicySettings, Probation};
pub use slot::{PolicySlot, Quarantine, Serving};
pub use version::{Hooks, PolicyVersion, VersionId};
