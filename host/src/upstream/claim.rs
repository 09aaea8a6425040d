//! A backend claimed for one request.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use pointsman_core::backend::Backend;
use pointsman_core::local::Local;
use pointsman_core::record::Choice;
use pointsman_policy::{ObservedRequest, Pick, Picked, Picker};

use super::pool::{WorkerBackend, WorkerPool};

/// A backend claimed for one request, which is in flight for as long as this exists.
///
/// It is kept in the response (or the upgraded connection), so every way in which a request can end ends the count.
#[derive(Debug)]
pub struct Claim {
    pub(super) pool: Rc<WorkerPool>,
    pub(super) claimed: Rc<WorkerBackend>,
    /// The picker that chose it, whose policy observes the response.
    pub(super) picker: Rc<RefCell<Picker>>,
    pub(super) picked: Picked,
    /// Who chose it, for the record.
    pub(super) choice: Choice,
    /// What the policy can access of the request when it observes the response.
    pub(super) observed: ObservedRequest,
}

/// The outcome of claiming a backend.
#[derive(Debug)]
pub enum Claimed {
    /// This one.
    Backend(Claim),
    /// None: every one that may serve is at its limit.
    AllFull,
    /// None: so the pick has decided, which is never [`Pick::Backend`].
    NoPick(Pick),
}

/// The outcome of claiming the backend of a session.
#[derive(Debug)]
pub enum Bound {
    /// It is claimed.
    Claimed(Claim),
    /// It is at its limit.
    Full,
    /// It may not serve, or not this request again, or isn't there any more.
    Unfit,
}

impl Claim {
    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Local<Backend> {
        &self.claimed.backend
    }

    pub(super) fn shared_backend(&self) -> &Arc<Backend> {
        self.claimed.backend.shared()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared_backend().stats.end();
        self.pool.pool().queue().wake();
    }
}
