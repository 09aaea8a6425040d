//! Probation: the time after a swap in which a version that fails is taken back.
//!
//! The [allowance](FaultAllowance) is counted down by the workers; whoever takes a version back, or sees it come through, is the
//! supervisor, which asks a [`Probation`].

mod allowance;
mod quarantine;
mod running;
mod settings;
mod version_event;

pub(crate) use allowance::FaultAllowance;
pub use quarantine::Quarantine;
pub(crate) use running::{PreviousVersion, Probation, Reading, Standing};
pub use settings::ProbationSettings;
pub use version_event::{ProbationOutcome, VersionEvent};
