//! What is kept out after it was taken back.

use pointsman_core::printable::Printable;

use crate::version::VersionId;

/// A version that was taken back on probation and isn't let in again until the file's content is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The version.
    pub version: VersionId,
    /// What it did, in words.
    pub reason: Printable,
}
