//! What is open at a listener over HTTP/2, for as long as it is.

use pointsman_core::counts::{Count, Http2Cells};

use crate::reports::ListenerReports;

/// A connection, or a stream.
pub(super) struct Open<'a> {
    reports: &'a ListenerReports,
    count: fn(&Http2Cells) -> &Count,
}

impl<'a> Open<'a> {
    pub(super) fn connection(reports: &'a ListenerReports) -> Self {
        Self::begin(reports, |cells| &cells.connections)
    }

    pub(super) fn stream(reports: &'a ListenerReports) -> Self {
        Self::begin(reports, |cells| &cells.streams)
    }

    fn begin(reports: &'a ListenerReports, count: fn(&Http2Cells) -> &Count) -> Self {
        count(&reports.count().http2).add(1);
        Self { reports, count }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        (self.count)(&self.reports.count().http2).sub(1);
    }
}
