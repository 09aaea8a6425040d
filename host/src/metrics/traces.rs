//! Spans on their way to the collector of traces.

use std::fmt;

use super::families::Families;
use super::scrape::Scrape;

/// Without `[tracing]` both are 0.
pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let tracer = scrape.tracer.as_deref();
    let (exported, dropped) = tracer.map_or((0, 0), |tracer| (tracer.spans(), tracer.dropped()));
    families.counter(("spans", "Spans that the collector of traces took"), [([], exported)])?;
    let described =
        ("spans_dropped", "Spans that were dropped: the collector refused them, or too many waited for it");
    families.counter(described, [([], dropped)])
}
