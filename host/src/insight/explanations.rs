//! The last explanations.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::explanation::Explanation;

/// How many are kept.
pub const MOST_EXPLANATIONS: usize = 1000;

/// The last explanations, and who may ask for them.
#[derive(Debug, Default)]
pub struct Explanations {
    from: Box<[IpNet]>,
    /// Locked for one entry at a time, and only for requests that are explained.
    kept: Mutex<VecDeque<Arc<Explanation>>>,
}

impl Explanations {
    /// None yet; clients in these networks may ask for them.
    #[must_use]
    pub fn new(from: &[IpNet]) -> Self {
        Self { from: from.into(), kept: Mutex::default() }
    }

    /// Whether a client may ask for one.
    #[must_use]
    pub fn may_ask(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.from.iter().any(|network| network.contains(&client))
    }

    /// Keeps another one, in place of the oldest if there are too many.
    pub(super) fn add(&self, explanation: Explanation) {
        let explanation = Arc::new(explanation);
        let oldest = {
            let mut kept = self.lock();
            let oldest = if kept.len() >= MOST_EXPLANATIONS { kept.pop_front() } else { None };
            kept.push_back(explanation);
            oldest
        };
        drop(oldest);
    }

    /// The last one of the request with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Explanation>> {
        self.lock().iter().rev().find(|kept| kept.id.as_bytes() == id.as_bytes()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Explanation>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
