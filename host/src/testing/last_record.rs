//! What was on record of a request, for tests.

use std::cell::Cell;
use std::time::Duration;

use pointsman_core::record::RequestRecord;

thread_local! {
    static LAST: Cell<Option<LastRecord>> = const { Cell::new(None) };
}

/// The last request that has ended on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastRecord {
    pub(crate) total: Duration,
    pub(crate) attempts: usize,
    pub(crate) body_bytes: u64,
}

impl LastRecord {
    /// A request has ended.
    pub(crate) fn keep(record: &RequestRecord) {
        let (total, attempts) = (record.total(), record.attempts().count());
        LAST.set(Some(Self { total, attempts, body_bytes: record.bytes.body }));
    }

    /// What is on record of it.
    pub(crate) fn get() -> Self {
        LAST.get().expect("a request has ended")
    }
}
