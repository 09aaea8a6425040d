//! What the rest of the process may know and change of the log.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::reload::{self, Handle};

use super::filter;
use super::recent::RecentEvents;

/// What the rest of the process may know and change of the log. Clones lead to the same one; the default to none.
#[derive(Debug, Clone, Default)]
pub struct LogControls {
    /// The last events.
    pub recent: RecentEvents,
    filter: Option<Arc<FilterControl>>,
}

/// The filter and what it was made from.
#[derive(Debug)]
struct FilterControl {
    text: Mutex<String>,
    handle: Handle<Targets, Registry>,
}

/// The filter as a layer has it, which can be exchanged.
pub(super) type Filter = reload::Layer<Targets, Registry>;

impl LogControls {
    pub(super) fn new(filter: Targets) -> (Self, Filter) {
        let text = filter.to_string();
        let (layer, handle) = reload::Layer::new(filter);
        let filter = Arc::new(FilterControl { text: Mutex::new(text), handle });
        (Self { recent: RecentEvents::default(), filter: Some(filter) }, layer)
    }

    /// What is logged, as a level or a list of levels by module; `None` if there is no log.
    #[must_use]
    pub fn filter(&self) -> Option<String> {
        Some(self.filter.as_ref()?.text.lock().clone())
    }

    /// Logs from now on what `text` says. Returns what it said before.
    ///
    /// # Errors
    ///
    /// What isn't a level, and what to write.
    pub fn set_filter(&self, text: &str) -> Result<String, String> {
        let targets = filter::parse(text)?;
        let Some(control) = &self.filter else { return Err("this process has no log".to_owned()) };
        let mut present = control.text.lock();
        control.handle.reload(targets).map_err(|error| error.to_string())?;
        Ok(std::mem::replace(&mut *present, text.to_owned()))
    }
}
