//! Lines of the access log on their way to its output.

use std::fmt;

use super::families::Families;
use super::scrape::Scrape;

/// Without `[access_log]` all are 0.
pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let counts = &scrape.status.counts.access_log;
    families
        .counter(("access_log_lines", "Lines of the access log that were written"), [([], counts.lines())])?;
    let dropped = [
        ([("reason", "buffer-full")], counts.dropped_for_want_of_room()),
        ([("reason", "write-failed")], counts.dropped_by_errors()),
    ];
    families.counter(("access_log_dropped", "Lines of the access log that were dropped"), dropped)?;
    let buffered = ([], counts.buffered_bytes() as f64);
    families.gauge(
        ("access_log_buffered_bytes", "Bytes of the access log that wait to be written"),
        [buffered],
    )?;
    let errors = ([], counts.write_errors());
    families.counter(("access_log_write_errors", "Writes of the access log that failed"), [errors])
}
