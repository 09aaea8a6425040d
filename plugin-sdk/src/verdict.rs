//! What a pick answers.

use crate::abi::verdict;

/// What a pick answers.
///
/// The host checks it: a backend must be in the topology, eligible, not full and not already tried by this
/// request. A verdict that breaks a rule is counted as a fault of the policy, and the fallback picks.
///
/// ```
/// use pointsman_sdk::Verdict;
///
/// let nearest: Option<usize> = [30, 10, 20].into_iter().enumerate().min_by_key(|&(_, ms)| ms).map(|(index, _)| index);
/// assert_eq!(Verdict::from(nearest), Verdict::Backend(1));
/// assert_eq!(Verdict::from(None), Verdict::Abstain);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Send the request to the backend with this index.
    Backend(usize),
    /// No opinion: the host's fallback picks.
    Abstain,
    /// Refuse the request with this HTTP status, 400 to 599.
    Reject(u16),
}

impl Verdict {
    /// The verdict as the contract carries it. An index beyond 32 bits becomes one that no topology has.
    ///
    /// ```
    /// use pointsman_sdk::{Verdict, abi};
    ///
    /// assert_eq!(Verdict::Backend(7).pack(), 7);
    /// assert_eq!(Verdict::Reject(503).pack(), abi::verdict::pack(abi::verdict::REJECT, 503));
    /// ```
    #[must_use]
    pub fn pack(self) -> i64 {
        match self {
            Self::Backend(index) => verdict::pack(verdict::BACKEND, u32::try_from(index).unwrap_or(u32::MAX)),
            Self::Abstain => verdict::pack(verdict::ABSTAIN, 0),
            Self::Reject(status) => verdict::pack(verdict::REJECT, u32::from(status)),
        }
    }

    /// Reads a packed verdict; `None` if it is none.
    ///
    /// ```
    /// use pointsman_sdk::Verdict;
    ///
    /// assert_eq!(Verdict::unpack(Verdict::Reject(429).pack()), Some(Verdict::Reject(429)));
    /// assert_eq!(Verdict::unpack(-1), None);
    /// ```
    #[must_use]
    pub fn unpack(packed: i64) -> Option<Self> {
        match verdict::unpack(packed) {
            (verdict::BACKEND, index) => usize::try_from(index).ok().map(Self::Backend),
            (verdict::ABSTAIN, _) => Some(Self::Abstain),
            (verdict::REJECT, status) => u16::try_from(status).ok().map(Self::Reject),
            _ => None,
        }
    }
}

/// A backend if there is one, else [`Verdict::Abstain`].
impl From<Option<usize>> for Verdict {
    fn from(backend: Option<usize>) -> Self {
        backend.map_or(Self::Abstain, Self::Backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_reversible() {
        for verdict in [Verdict::Backend(0), Verdict::Backend(9_999), Verdict::Abstain, Verdict::Reject(503)]
        {
            assert_eq!(Verdict::unpack(verdict.pack()), Some(verdict));
        }
    }

    #[test]
    fn what_is_no_verdict_is_refused() {
        for packed in [-1, i64::MAX, i64::MIN, verdict::pack(3, 0), verdict::pack(verdict::REJECT, 70_000)] {
            assert_eq!(Verdict::unpack(packed), None, "{packed:#x}");
        }
    }
}
