//! Requests at backends.

use http::StatusCode;

use super::super::job::JobId;
use super::super::proxy::Sent;

/// A request at a backend.
pub(super) struct Job {
    pub(super) sent: Sent,
    pub(super) proxy: u32,
    /// When it came to its proxy.
    pub(super) arrived: u64,
    /// When it was sent to the backend.
    pub(super) began: u64,
    pub(super) status: StatusCode,
}

/// Requests that are being served; a place is used again when its request has ended.
#[derive(Default)]
pub(super) struct Jobs {
    places: Vec<Option<Job>>,
    free: Vec<JobId>,
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }

    /// Most that there have been at a time.
    pub(super) fn most(&self) -> usize {
        self.places.len()
    }

    /// When those arrived that are left.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = u64> {
        self.places.iter().flatten().map(|job| job.arrived)
    }

    pub(super) fn add(&mut self, job: Job) -> JobId {
        match self.free.pop() {
            Some(id) => {
                self.places[id.0 as usize] = Some(job);
                id
            }
            None => {
                self.places.push(Some(job));
                JobId(self.places.len() as u32 - 1)
            }
        }
    }

    pub(super) fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.places.get_mut(id.0 as usize)?.take();
        if job.is_some() {
            self.free.push(id);
        }
        job
    }
}
