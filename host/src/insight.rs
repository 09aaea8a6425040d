//! What a worker keeps of the requests that are traced or explained. Of all others, which is nearly every one, it keeps nothing.

#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "otlp")]
mod spans;
pub mod trace;

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use pointsman_core::record::RequestRecord;

use crate::ids::IdGenerator;
use trace::{Origin, RequestTrace, Tracer};

/// What all workers share.
#[derive(Debug, Clone, Default)]
pub struct SharedInsight {
    /// What traces are told to; none = traces pass through.
    pub tracer: Option<Arc<Tracer>>,
}

/// What one worker has.
#[derive(Debug)]
pub struct Insight {
    /// Where ids come from.
    pub ids: IdGenerator,
    shared: SharedInsight,
}

impl Insight {
    /// A worker's part.
    #[must_use]
    pub fn new(ids: IdGenerator, shared: SharedInsight) -> Self {
        Self { ids, shared }
    }

    /// What is kept of a request with this head; `None` for nearly all. `origin` says where it comes from.
    #[inline]
    #[must_use]
    pub fn begin(
        &self,
        parts: &Parts,
        origin: impl FnOnce() -> Origin,
        record: &mut RequestRecord,
    ) -> Option<Box<RequestInsight>> {
        let tracer = self.shared.tracer.as_ref()?;
        let trace = RequestTrace::begin(tracer, &self.ids, parts, origin());
        record.ids.span = Some(trace.ids());
        Some(Box::new(RequestInsight { trace: Some(trace) }))
    }
}

/// What is kept of one request beside its record.
#[derive(Debug)]
pub struct RequestInsight {
    trace: Option<RequestTrace>,
}

impl RequestInsight {
    /// Writes the fields of a head that goes to a backend.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Some(trace) = &self.trace {
            trace.write(headers);
        }
    }

    /// Another attempt begins, with this head.
    pub fn begin_attempt(&mut self, headers: &mut HeaderMap) {
        if let Some(trace) = &mut self.trace {
            trace.begin_attempt();
            trace.write(headers);
        }
    }

    /// The request has ended, and its record is complete.
    pub fn end(self, record: &RequestRecord) {
        if let Some(trace) = self.trace {
            trace.end(record);
        }
    }
}
