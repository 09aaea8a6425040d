//! What the handlers of the API see of the proxy.

use std::sync::Arc;

use bytes::Bytes;
use pointsman_core::clock::Clock;
use utoipa::openapi::OpenApi;

use super::recent::Recent;
use crate::control::change::ChangeQueue;
use crate::control::status::StatusView;
use crate::insight::Explanations;
use crate::log::LogControls;
use crate::metrics::Scrapes;

/// What the handlers of the API see of the proxy. Clones see the same one.
#[derive(Debug, Clone)]
pub struct AdminState {
    /// What serves.
    pub(super) status: StatusView,
    /// Where changes are asked for.
    pub(super) changes: ChangeQueue,
    /// The process's clock, which began with it.
    pub(super) clock: Clock,
    /// What was logged.
    pub(super) log: LogControls,
    /// The numbers of the proxy.
    pub(super) scrapes: Scrapes,
    /// What the last seconds have brought.
    pub(super) recent: Recent,
    /// Why requests went where they went; `None` if nobody may ask for that.
    pub(super) explanations: Option<Arc<Explanations>>,
    /// The API's document as JSON.
    pub(super) document: Bytes,
    /// The machine's name.
    pub(super) name: Arc<str>,
}

impl AdminState {
    /// The state that the handlers share.
    #[must_use]
    pub fn new(
        status: StatusView,
        changes: ChangeQueue,
        clock: Clock,
        log: LogControls,
        scrapes: Scrapes,
        explanations: Option<Arc<Explanations>>,
    ) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into();
        let recent = Recent::default();
        Self { status, changes, clock, log, scrapes, recent, explanations, document: Bytes::new(), name }
    }

    pub(super) fn with_document(self, document: &OpenApi) -> Self {
        // It is made of texts, numbers and maps with texts as keys, which are always JSON.
        let json = serde_json::to_vec(document).unwrap_or_default();
        Self { document: json.into(), ..self }
    }
}
