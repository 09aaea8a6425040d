//! Probation: the time after a swap in which a version that fails is taken back.
//!
//! The workers count down the [allowance](FaultAllowance). The supervisor asks a [`Probation`] whether a version is taken back
//! or has passed.

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
