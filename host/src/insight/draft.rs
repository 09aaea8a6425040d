//! A request that is to be explained, until its end; and what its client is told at once.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use pointsman_core::picks::PickRecords;
use pointsman_core::printable::percent_encode;
use pointsman_core::record::{ChosenBy, RequestRecord};

use super::explanation::{Asked, ExplainedRoute, Explanation, Next};
use super::explanations::Explanations;

/// Longest name in a header, bytes: with it no header is longer than 512.
const NAME_BYTES: usize = 72;

/// What is kept of a request that is to be explained, beside its record and its picks.
#[derive(Debug)]
pub(super) struct Draft {
    asked: Asked,
    explanations: Arc<Explanations>,
}

impl Draft {
    /// Of a request with this id, which took this route.
    #[must_use]
    pub(super) fn new(
        id: HeaderValue,
        client: IpAddr,
        route: Option<ExplainedRoute>,
        explanations: Arc<Explanations>,
    ) -> Self {
        Self { asked: Asked { id, client, route, limit: None, nexts: Vec::new() }, explanations }
    }

    /// This limit lets it go no further.
    pub(super) fn limited(&mut self, limit: &Arc<str>) {
        self.asked.limit = Some(Arc::clone(limit));
    }

    /// Another attempt begins.
    pub(super) fn begin_attempt(&mut self) {
        self.stop(Next::Repeated);
        self.asked.nexts.push(Next::default());
    }

    /// This follows the last attempt.
    pub(super) fn stop(&mut self, next: Next) {
        if let Some(last) = self.asked.nexts.last_mut() {
            *last = next;
        }
    }

    /// What the client is told: `pool=web; backend=b2; policy=least-conn@0123456789ab; by=policy; attempts=1; queued=0us; id=…`. Of
    /// names, what a header can't carry is percent-encoded, and what is too long is cut.
    #[must_use]
    pub(super) fn header(&self, record: &RequestRecord, picks: Option<&PickRecords>) -> HeaderValue {
        let mut text = String::with_capacity(128);
        text.push_str("pool=");
        push_name(&mut text, record.pool.as_ref().map_or("-", |pool| &*pool.shared().name));
        let last = picks.and_then(|picks| picks.iter().next_back());
        let chosen = last.and_then(|last| Some((last, last.chosen.filter(|chosen| chosen.had_room)?)));
        let backend = chosen.and_then(|(last, chosen)| last.topology.get(chosen.index));
        text.push_str("; backend=");
        push_name(&mut text, backend.map_or("-", |backend| &backend.name));
        text.push_str("; policy=");
        match last.and_then(|last| last.policy.as_deref()) {
            Some(policy) => {
                push_name(&mut text, &policy.name);
                text.push('@');
                text.push_str(&policy.version);
            }
            None => text.push('-'),
        }
        let by = chosen.map_or("-", |(_, chosen)| ChosenBy::name(chosen.by));
        let queued = record.times.queued.unwrap_or_default().as_micros();
        // Writing to a text can't fail.
        let _ = write!(text, "; by={by}; attempts={}; queued={queued}us", self.asked.nexts.len());
        if let Some(error) = record.error {
            let _ = write!(text, "; error={error}");
        }
        text.push_str("; id=");
        // As long as it was let in, and plain.
        text.push_str(self.asked.id.to_str().unwrap_or("-"));
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// The request has ended.
    pub(super) fn end(self, record: &RequestRecord, picks: Option<Box<PickRecords>>) {
        let explanations = Arc::clone(&self.explanations);
        explanations.add(Explanation::of(self.asked, record, picks));
    }
}

/// A name as a part of the header.
fn push_name(text: &mut String, name: &str) {
    let start = text.len();
    for byte in name.bytes() {
        if text.len() - start > NAME_BYTES - 3 {
            text.push('~');
            return;
        }
        percent_encode(&[byte], text, |byte| byte.is_ascii_graphic() && !b";%=\"\\,".contains(&byte));
    }
}
