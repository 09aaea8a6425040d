//! Policies: plugins that pick backends, and everything that makes it safe to let them.
//!
//! ```text
//!  plugin file ──► loader/compiler ──► supervisor ─────► slot ──► picker ──► instance ──► guest
//!                  admission           build, publish    mailbox   (worker)   store        Wasm
//!                                      ◄── rebuild, reap ─────────────┘         └── imports ◄──┘
//! ```
//!
//! The control side has its own threads; the data path has a [`Picker`] per worker and pool, which never waits, compiles or
//! drops anything. A guest's answer is untrusted: whatever it does, the request gets a backend as long as one is eligible.
//!
//! A proxy uses a [`PolicyLoader`]. A [`Simulation`] runs one policy by hand, at a time that the caller sets.

#![forbid(unsafe_code)]

mod admission;
mod bundled;
mod cells;
mod context;
mod engine;
mod fallback;
mod fault;
mod guest;
mod imports;
mod instance;
mod loader;
mod observed_request;
mod picker;
mod plugin;
mod probation;
mod rng;
mod settings;
mod simulation;
mod slack;
mod slot;
mod stats;
mod supervisor;
mod swap;
mod symbol;
#[cfg(test)]
mod testing;
mod ticker;
mod verdict;
mod version;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use admission::fuzz;
pub use admission::{AdmissionReport, Refusal, Shape, Usage};
pub use bundled::{bundled, names, required_config};
pub use cells::Cells;
pub use fault::{Fault, FaultKind};
pub use guest::{Call, CallCost};
pub use loader::{PolicyLoader, StartError};
pub use observed_request::ObservedRequest;
pub use picker::{Pick, Picked, Picker, Response};
pub use plugin::{Plugin, is_uploaded, policy_name};
pub use probation::{ProbationOutcome, ProbationSettings, Quarantine, VersionEvent};
pub use rng::Rng;
pub use settings::{OnFault, PolicySettings};
pub use simulation::{SimulatedRequest, Simulation, SimulationError, Testbed, count};
pub use slot::{ActiveVersion, LeftOutFile, PicksBy, PolicySlot, Publication, PublishedVersion};
pub use stats::{FaultCounts, PolicyStats};
pub use supervisor::Opened;
pub use swap::{Swap, SwapOutcome};
pub use version::{Hooks, PolicyVersion, VersionId};
