//! Why a pick has no verdict of the policy that could be followed.

use crate::fault::FaultKind;
use crate::verdict::BadVerdict;

/// Why there is no verdict to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfollowed {
    /// The worker has no instance at the moment.
    NoInstance,
    /// The call failed.
    Failed(FaultKind),
    /// The answer can't be followed.
    Bad(BadVerdict),
}
