//! What a worker tells of the requests that it has served: the one place where the end of a request becomes numbers and lines.

mod vitals;

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use pointsman_core::address::{Address, THIS_MACHINE};
use pointsman_core::backend::Backend;
use pointsman_core::counts::{FailureKind, ListenerCells, ListenerCounts};
use pointsman_core::local::{Local, Shared};
use pointsman_core::pool::Pool;
use pointsman_core::record::{AttemptRecord, RequestRecord};
use pointsman_sdk::abi::outcome;

pub use vitals::{Connected, WorkerVitals};

use crate::access_log::WorkerLog;

/// What one worker has to tell.
#[derive(Debug, Default)]
pub struct WorkerReports {
    /// How it is.
    pub vitals: Arc<WorkerVitals>,
    /// Requests that have ended since it last told.
    requests: Cell<u64>,
    news: RefCell<News>,
    /// Whether there is something to tell.
    will_tell: Cell<bool>,
    /// Where requests are logged, if they are.
    log: RefCell<Option<WorkerLog>>,
}

/// Those of whom something was counted since it was last told: a list, as a walk over all would take longer the more there are.
#[derive(Debug, Default)]
struct News {
    listeners: Vec<Local<ListenerCounts>>,
    pools: Vec<Local<Pool>>,
    backends: Vec<Local<Backend>>,
}

impl WorkerReports {
    /// What a worker has to tell that writes how it is there.
    #[must_use]
    pub fn new(vitals: Arc<WorkerVitals>) -> Rc<Self> {
        Rc::new(Self { vitals, ..Self::default() })
    }

    /// The worker has swept its deadlines, this much later than due: tells what there is to tell, several times a second.
    pub fn swept(&self, late: Duration) {
        if self.will_tell.get() {
            self.tell();
            self.vitals.tell(self.requests.take(), late);
        }
    }

    /// Adds what was counted to what all workers share.
    pub fn tell(&self) {
        self.will_tell.set(false);
        let news = &mut *self.news.borrow_mut();
        news.listeners.drain(..).for_each(|listener| listener.tell());
        news.pools.drain(..).for_each(|pool| pool.tell());
        news.backends.drain(..).for_each(|backend| backend.tell());
        if let Some(log) = self.log() {
            log.hand_over();
        }
    }

    /// Logs requests there from now on, or nowhere.
    pub fn set_log(&self, log: Option<WorkerLog>) {
        // What it was is dropped when the borrow is over.
        let _before = self.log.replace(log);
    }

    /// Whether requests are logged.
    #[inline]
    #[must_use]
    pub fn is_logging(&self) -> bool {
        self.log.borrow().is_some()
    }

    /// Where requests are logged, if they are.
    #[inline]
    #[must_use]
    pub fn log(&self) -> Option<Ref<'_, WorkerLog>> {
        Ref::filter_map(self.log.borrow(), Option::as_ref).ok()
    }

    /// Counts something of a pool.
    pub fn of_pool<'a>(&self, pool: &'a Local<Pool>) -> &'a <Pool as Shared>::Cells {
        self.of(pool, |news| &mut news.pools)
    }

    /// Counts something of a backend.
    pub fn of_backend<'a>(&self, backend: &'a Local<Backend>) -> &'a <Backend as Shared>::Cells {
        self.of(backend, |news| &mut news.backends)
    }

    fn of_listener<'a>(&self, listener: &'a Local<ListenerCounts>) -> &'a ListenerCells {
        self.of(listener, |news| &mut news.listeners)
    }

    /// Counts something of one that is in this list of news from now on.
    fn of<'a, T: Shared>(
        &self,
        counted: &'a Local<T>,
        list: impl FnOnce(&mut News) -> &mut Vec<Local<T>>,
    ) -> &'a T::Cells {
        if counted.note() {
            list(&mut self.news.borrow_mut()).push(counted.clone());
            self.tell_soon();
        }
        counted.cells()
    }

    /// Whether it tells soon, as there is something to tell.
    #[cfg(test)]
    pub(crate) fn will_tell(&self) -> bool {
        self.will_tell.get()
    }

    /// There is something to tell, such as a line that was written.
    pub fn tell_soon(&self) {
        self.will_tell.set(true);
    }
}

/// What one worker has to tell of the clients of one listener.
#[derive(Debug)]
pub struct ListenerReports {
    worker: Rc<WorkerReports>,
    counts: Local<ListenerCounts>,
    /// The address that is configured for it.
    listener: Address,
}

impl Default for ListenerReports {
    /// Of a listener that nobody else knows.
    fn default() -> Self {
        Self { worker: Rc::default(), counts: Local::new(Arc::default()), listener: THIS_MACHINE.into() }
    }
}

impl ListenerReports {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(worker: &Rc<WorkerReports>, counts: Local<ListenerCounts>, listener: Address) -> Rc<Self> {
        Rc::new(Self { worker: Rc::clone(worker), counts, listener })
    }

    /// The address that is configured for the listener, by which routes know it.
    #[must_use]
    pub fn listener(&self) -> &Address {
        &self.listener
    }

    /// What the worker tells of others.
    #[must_use]
    pub fn worker(&self) -> &Rc<WorkerReports> {
        &self.worker
    }

    /// What all workers have told of the listener.
    #[must_use]
    pub fn counts(&self) -> &ListenerCounts {
        self.counts.shared()
    }

    /// Counts something of the listener.
    pub fn count(&self) -> &ListenerCells {
        self.worker.of_listener(&self.counts)
    }

    /// A request has ended, and its record is complete.
    pub fn ended(&self, record: &RequestRecord) {
        let listener = self.count();
        listener.requests.add(1);
        self.worker.requests.set(self.worker.requests.get() + 1);
        let Some(pool) = &record.pool else {
            if let Some(error) = record.error {
                listener.refuse(error);
            }
            return;
        };
        self.count_at(pool, record);
    }

    /// A request has ended that went to its pool beside one of a client: it is none of the listener's.
    pub fn aside(&self, record: &RequestRecord) {
        if let Some(pool) = &record.pool {
            self.count_at(pool, record);
        }
    }

    fn count_at(&self, pool: &Local<Pool>, record: &RequestRecord) {
        self.count_pool(pool, record);
        for attempt in record.attempts() {
            self.count_attempt(attempt);
        }
    }

    fn count_pool(&self, pool: &Local<Pool>, record: &RequestRecord) {
        let cells = self.worker.of_pool(pool);
        cells.requests.add(1);
        if let Some(status) = record.status {
            cells.respond(status);
        }
        if let Some(error) = record.error {
            cells.fail(error);
        }
        if let Some(call) = record.call {
            cells.end_call(call);
        }
        if record.retries() > 0 {
            cells.retries.add(record.retries() as u64);
        }
        if let Some(queued) = record.times.queued {
            cells.queued.observe(queued);
        }
        if record.status == Some(StatusCode::SWITCHING_PROTOCOLS) {
            // What follows may last for days, and is no response.
            return;
        }
        cells.whole.observe(record.whole());
        let answered = record.attempts().last().and_then(|last| Some(last.began.after(last.answered?.1)));
        if let Some((answered, first_byte)) = answered.zip(record.times.first_byte) {
            cells.head.observe(answered.since(first_byte));
        }
    }

    fn count_attempt(&self, attempt: &AttemptRecord) {
        let cells = self.worker.of_backend(&attempt.backend);
        cells.attempts.add(1);
        let status = attempt.answered.map(|(status, answered)| {
            cells.respond(status);
            cells.head.observe(answered);
            status
        });
        if attempt.outcome != outcome::COMPLETE || status.is_some_and(|status| status.as_u16() >= 500) {
            FailureKind::of(attempt.outcome, status).into_iter().for_each(|kind| cells.fail(kind));
        }
    }
}
