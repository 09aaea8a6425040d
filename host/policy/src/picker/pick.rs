//! The outcome of a pick, and the response as the policy observes it.

use std::time::Duration;

use http::StatusCode;
use pointsman_core::backend::{BackendIndex, TopologyGeneration};
use pointsman_core::record::ChosenBy;
use pointsman_core::topology::Topology;
use pointsman_sdk::abi::outcome;

use crate::slot::Publication;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// To this backend.
    Backend(Picked),
    /// Nowhere: the policy answers with this status.
    Reject(StatusCode),
    /// Nowhere: the policy couldn't be asked or failed, and the operator wants no other backend than its own.
    Failed,
    /// Nowhere: no backend is eligible, or this request has tried them all.
    Unavailable,
}

/// A picked backend. The index holds in the picker's [`topology`](crate::Picker::topology) until the next call to the picker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    /// The backend.
    pub index: BackendIndex,
    /// Who chose it.
    pub chosen_by: ChosenBy,
    /// The topology in which the index counts.
    pub(super) topology: TopologyGeneration,
    /// The publication whose policy observes the response.
    pub(super) publication: Option<Publication>,
}

impl Picked {
    /// A backend that no policy has chosen, and whose response none observes.
    #[inline]
    #[must_use]
    pub fn without_policy(index: BackendIndex, topology: &Topology) -> Self {
        Self { index, chosen_by: ChosenBy::Fallback, topology: topology.generation(), publication: None }
    }
}

/// How a response ended.
#[derive(Debug, Clone, Copy)]
pub struct Response {
    /// The response head's status, and the time from the pick to it; `None` if there was none.
    pub answered: Option<(StatusCode, Duration)>,
    /// One of [`outcome`].
    pub outcome: i32,
    /// From the pick to the end.
    pub total: Duration,
}

impl Response {
    /// A whole response with this status, whose head came when all of it did.
    #[must_use]
    pub fn complete(status: StatusCode, total: Duration) -> Self {
        Self { answered: Some((status, total)), outcome: outcome::COMPLETE, total }
    }
}
