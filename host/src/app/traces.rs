//! The export of traces, if this build has it and the configuration names it.

use anyhow::Result;
use pointsman_core::clock::Clock;

use crate::config::TracingConfig;
use crate::insight::SharedInsight;
#[cfg(feature = "otlp")]
pub(super) use crate::insight::otlp::TraceExport;

/// Starts the export, and answers what workers tell their traces to.
#[cfg(feature = "otlp")]
pub(super) fn start(
    config: Option<&TracingConfig>,
    clock: Clock,
) -> Result<(SharedInsight, Option<TraceExport>)> {
    use std::sync::Arc;

    use anyhow::Context as _;

    use crate::insight::trace::Tracer;

    let Some(TracingConfig { endpoint, sample }) = config else {
        return Ok((SharedInsight::default(), None));
    };
    let (tracer, finished) = Tracer::new(*sample);
    let export = TraceExport::start(endpoint.as_deref(), Arc::clone(&tracer), finished, clock);
    let export = export.context("cannot export traces")?;
    Ok((SharedInsight { tracer: Some(tracer), ..SharedInsight::default() }, Some(export)))
}

/// What this build has in its place.
#[cfg(not(feature = "otlp"))]
#[derive(Debug)]
pub(super) enum TraceExport {}

#[cfg(not(feature = "otlp"))]
impl TraceExport {
    pub(super) fn finish(self) {
        match self {}
    }
}

/// Refuses what this build can't do.
#[cfg(not(feature = "otlp"))]
pub(super) fn start(
    config: Option<&TracingConfig>,
    _: Clock,
) -> Result<(SharedInsight, Option<TraceExport>)> {
    check(config)?;
    Ok((SharedInsight::default(), None))
}

/// Refuses what this build can't do.
pub(super) fn check(config: Option<&TracingConfig>) -> Result<()> {
    anyhow::ensure!(
        cfg!(feature = "otlp") || config.is_none(),
        "`[tracing]`: this build exports no traces; build it with the feature `otlp`, or leave the section out"
    );
    Ok(())
}
