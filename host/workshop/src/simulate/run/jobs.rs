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
    /// When a backend that serves it alone will have, or a model server will have read its prompt, at the speed of now; none until that begins.
    pub(super) ends_at: Option<u64>,
    /// When a model server had.
    pub(super) read_at: Option<u64>,
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

    /// When those arrived that are left, and when a model server had read their prompts.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (u64, Option<u64>)> {
        self.places.iter().flatten().map(|job| (job.arrived, job.read_at))
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

    /// A request will have been served by then.
    pub(super) fn announce(&mut self, id: JobId, at: u64) {
        if let Some(Some(job)) = self.places.get_mut(id.0 as usize) {
            job.ends_at = Some(at);
        }
    }

    /// A model server has read its prompt, and writes the answer beside others.
    pub(super) fn has_read(&mut self, id: JobId, now: u64) {
        if let Some(Some(job)) = self.places.get_mut(id.0 as usize) {
            (job.ends_at, job.read_at) = (None, Some(now));
        }
    }

    /// Whether a request at this backend was announced to have been served by now, and not for another moment since.
    pub(super) fn ends(&self, id: JobId, backend: u32, now: u64) -> bool {
        let job = self.places.get(id.0 as usize).and_then(Option::as_ref);
        job.is_some_and(|job| job.sent.backend == backend && job.ends_at == Some(now))
    }

    /// Requests that were announced of this backend, with the moments.
    pub(super) fn running(&self, backend: u32) -> impl Iterator<Item = (JobId, u64)> {
        let jobs = (0..).map(JobId).zip(&self.places);
        jobs.filter_map(move |(id, job)| {
            let job = job.as_ref().filter(|job| job.sent.backend == backend)?;
            Some((id, job.ends_at?))
        })
    }

    pub(super) fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.places.get_mut(id.0 as usize)?.take();
        if job.is_some() {
            self.free.push(id);
        }
        job
    }
}
