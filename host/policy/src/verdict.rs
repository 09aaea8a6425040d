//! A pick's answer, checked: what a guest says is untrusted input.

use http::StatusCode;
use pointsman_core::backend::BackendIndex;
use pointsman_core::topology::Topology;
use pointsman_core::tried::Tried;
use pointsman_sdk::abi::verdict;

/// What a policy has decided, after the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This backend: it exists, is eligible and not ruled out for the request.
    Backend(BackendIndex),
    /// No opinion: the fallback picks.
    Abstain,
    /// Refuse the request.
    Reject(StatusCode),
}

/// Why an answer can't be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadVerdict {
    /// Neither backend, abstain nor reject.
    #[error(
        "verdict {raw:#018x} is of the unknown kind {kind}; known are 0 (backend), 1 (abstain) and 2 (reject)"
    )]
    UnknownKind {
        /// The kind.
        kind: u32,
        /// The whole answer.
        raw: u64,
    },
    /// No such backend.
    #[error("picked backend {index} of {count}; indexes count from 0 and hold until the next topology")]
    OutOfRange {
        /// What was picked.
        index: u32,
        /// How many backends there are.
        count: usize,
    },
    /// The backend may not be picked by anyone now.
    #[error(
        "picked backend {index}, which isn't eligible; ask `flags` before picking (in Rust, `backends.eligible(index)`)"
    )]
    Ineligible {
        /// What was picked.
        index: BackendIndex,
    },
    /// The backend may not be picked for this request again.
    #[error(
        "picked backend {index}, which this request has already tried; ask `tried` before picking (in Rust, \
         `request.tried(index)`)"
    )]
    Tried {
        /// What was picked.
        index: BackendIndex,
    },
    /// Not an error status.
    #[error("rejected with status {status}; allowed are 400 to 599")]
    Status {
        /// The status.
        status: u32,
    },
}

/// Decodes a verdict and checks it against the topology it was given for.
#[inline]
pub(super) fn check(raw: i64, topology: &Topology, tried: &Tried) -> Result<Verdict, BadVerdict> {
    let (kind, value) = verdict::unpack(raw);
    match kind {
        verdict::BACKEND => {
            let index = BackendIndex(value);
            // Checked first: a policy that picks a failed backend again gets this fault, also if the backend has become
            // ineligible since.
            if tried.contains(index) && topology.get(index).is_some() {
                Err(BadVerdict::Tried { index })
            } else if topology.is_eligible(index) {
                Ok(Verdict::Backend(index))
            } else if topology.get(index).is_some() {
                Err(BadVerdict::Ineligible { index })
            } else {
                Err(BadVerdict::OutOfRange { index: value, count: topology.backends().len() })
            }
        }
        verdict::ABSTAIN => Ok(Verdict::Abstain),
        verdict::REJECT => match u16::try_from(value).ok().filter(|status| (400..600).contains(status)) {
            // In the range of valid codes, so the conversion can't fail.
            Some(status) => StatusCode::from_u16(status)
                .map(Verdict::Reject)
                .map_err(|_| BadVerdict::Status { status: value }),
            None => Err(BadVerdict::Status { status: value }),
        },
        kind => Err(BadVerdict::UnknownKind { kind, raw: raw.cast_unsigned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::topology;
    use pointsman_sdk::abi::verdict::pack;

    #[test]
    fn every_answer_is_checked() {
        // `-` in a name makes the backend draining.
        let topology = topology(1, &["a", "-b", "c"]);
        let mut tried = Tried::default();
        tried.insert(BackendIndex(2));
        let checked = |raw| check(raw, &topology, &tried);
        let index = BackendIndex;

        assert_eq!(checked(pack(verdict::BACKEND, 0)), Ok(Verdict::Backend(index(0))));
        assert_eq!(checked(pack(verdict::BACKEND, 1)), Err(BadVerdict::Ineligible { index: index(1) }));
        assert_eq!(checked(pack(verdict::BACKEND, 2)), Err(BadVerdict::Tried { index: index(2) }));
        tried.insert(BackendIndex(1));
        assert_eq!(
            check(pack(verdict::BACKEND, 1), &topology, &tried),
            Err(BadVerdict::Tried { index: index(1) }),
            "that it was tried comes first"
        );
        let checked = |raw| check(raw, &topology, &tried);
        assert_eq!(checked(pack(verdict::BACKEND, 3)), Err(BadVerdict::OutOfRange { index: 3, count: 3 }));
        assert_eq!(
            checked(pack(verdict::BACKEND, u32::MAX)),
            Err(BadVerdict::OutOfRange { index: u32::MAX, count: 3 })
        );
        assert_eq!(checked(pack(verdict::ABSTAIN, 12345)), Ok(Verdict::Abstain));
        assert_eq!(checked(pack(verdict::REJECT, 429)), Ok(Verdict::Reject(StatusCode::TOO_MANY_REQUESTS)));
        for status in [0, 200, 399, 600, 65_536 + 404, u32::MAX] {
            assert_eq!(checked(pack(verdict::REJECT, status)), Err(BadVerdict::Status { status }));
        }
        for raw in [-1, i64::MIN, i64::MAX, pack(3, 0)] {
            assert!(matches!(checked(raw), Err(BadVerdict::UnknownKind { .. })), "{raw:#x}");
        }
    }
}
