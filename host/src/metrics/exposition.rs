//! The two formats in which a scrape is written.

use std::sync::Arc;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use super::collector::{Own, Process};
use super::scrape::Scrape;
use crate::weighted;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// Prometheus text, version 0.0.4.
    #[default]
    Text,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that `Accept` asks for: OpenMetrics if it is named and weighs no less than plain text, else the text that everything understands.
    pub(super) fn accepted(accept: &str) -> Self {
        // Of several versions the one that is liked best, as any of them can be read.
        let weight = |wanted: &str| {
            let of_type = weighted::members(accept.as_bytes())
                .filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
            of_type.map(|(_, weight)| weight).max().unwrap_or(0)
        };
        let open_metrics = weight("application/openmetrics-text");
        if open_metrics > 0 && open_metrics >= weight("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Writes a scrape.
    pub(super) fn write(self, scrape: Scrape) -> String {
        let mut own = Registry::with_prefix("pointsman");
        let is_whole = scrape.selection.has_all_pools();
        let scrape = Arc::new(scrape);
        own.register_collector(Box::new(Own(Arc::clone(&scrape))));
        let mut process = Registry::default();
        if is_whole {
            process.register_collector(Box::new(Process(scrape)));
        }
        let mut text = String::with_capacity(1 << 16);
        let written = match self {
            Self::Text => prometheus_text::encode(&mut text, &own)
                .and_then(|()| prometheus_text::encode(&mut text, &process)),
            Self::OpenMetrics => text::encode_registry(&mut text, &own)
                .and_then(|()| text::encode_registry(&mut text, &process))
                .and_then(|()| text::encode_eof(&mut text)),
        };
        debug_assert!(written.is_ok(), "a string takes everything");
        text
    }
}
