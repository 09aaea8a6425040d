//! What a worker keeps of the requests that are traced or explained. Of all others, which is nearly every one, it keeps nothing.

mod draft;
pub mod explanation;
mod explanations;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "otlp")]
mod spans;
pub mod trace;

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use pointsman_core::picks::PickRecords;
use pointsman_core::record::RequestRecord;

use crate::ids::IdGenerator;
use draft::Draft;
use explanation::{ExplainedRoute, Next};
pub use explanations::{Explanations, MOST_EXPLANATIONS};
use trace::{Origin, RequestTrace, Tracer};

/// What all workers share.
#[derive(Debug, Clone, Default)]
pub struct SharedInsight {
    /// What traces are told to; none = traces pass through.
    pub tracer: Option<Arc<Tracer>>,
    /// Where explanations are kept, and who may ask for them; none = nobody.
    pub explanations: Option<Arc<Explanations>>,
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
        Some(Box::new(RequestInsight { trace: Some(trace), explanation: None }))
    }

    /// Whether a client that asks for an explanation gets one.
    #[must_use]
    pub fn may_explain(&self, client: IpAddr) -> bool {
        self.shared.explanations.as_ref().is_some_and(|explanations| explanations.may_ask(client))
    }

    /// The request that took this route is to be explained under its id, or under one of its own.
    #[cold]
    pub fn explain(
        &self,
        insight: &mut Option<Box<RequestInsight>>,
        id: Option<&HeaderValue>,
        client: IpAddr,
        route: Option<ExplainedRoute>,
    ) {
        let Some(explanations) = &self.shared.explanations else { return };
        let id = id.cloned().unwrap_or_else(|| self.ids.request_id());
        let draft = Draft::new(id, client, route, Arc::clone(explanations));
        let insight =
            insight.get_or_insert_with(|| Box::new(RequestInsight { trace: None, explanation: None }));
        insight.explanation = Some(draft);
    }
}

/// What is kept of one request beside its record.
#[derive(Debug)]
pub struct RequestInsight {
    trace: Option<RequestTrace>,
    explanation: Option<Draft>,
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
        if let Some(explanation) = &mut self.explanation {
            explanation.begin_attempt();
        }
    }

    /// The limit of this name lets it go no further.
    pub fn limited(&mut self, limit: &Arc<str>) {
        if let Some(explanation) = &mut self.explanation {
            explanation.limited(limit);
        }
    }

    /// This follows the last attempt, and not another one.
    pub fn stop(&mut self, next: Next) {
        if let Some(explanation) = &mut self.explanation {
            explanation.stop(next);
        }
    }

    /// What a client is told that has asked for an explanation; `None` if it hasn't.
    #[must_use]
    pub fn header(&self, record: &RequestRecord, picks: Option<&PickRecords>) -> Option<HeaderValue> {
        self.explanation.as_ref().map(|explanation| explanation.header(record, picks))
    }

    /// The request has ended, and its record is complete.
    pub fn end(self, record: &RequestRecord, picks: Option<Box<PickRecords>>) {
        if let Some(trace) = self.trace {
            trace.end(record);
        }
        if let Some(explanation) = self.explanation {
            explanation.end(record, picks);
        }
    }
}
