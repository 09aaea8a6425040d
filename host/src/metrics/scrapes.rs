//! Scrapes of a running proxy.

use std::fmt;
use std::sync::Arc;

use pointsman_core::clock::Clock;
use tokio::sync::Semaphore;

use super::exposition::Format;
use super::saturation::Saturation;
use super::scrape::Scrape;
use super::selection::Selection;
use crate::control::status::StatusView;
use crate::insight::trace::Tracer;
use crate::open_files::OpenFiles;
use crate::reports::WorkerVitals;

/// What scrapes read, and the turn that they take: one is made at a time, however many ask.
#[derive(Clone)]
pub struct Scrapes {
    status: StatusView,
    workers: Arc<[Arc<WorkerVitals>]>,
    saturation: Arc<Saturation>,
    tracer: Option<Arc<Tracer>>,
    clock: Clock,
    turn: Arc<Semaphore>,
}

impl fmt::Debug for Scrapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrapes").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}

impl Scrapes {
    /// Scrapes of this proxy. `tracer` is what its requests are told to, if they are traced.
    #[must_use]
    pub fn new(
        status: StatusView,
        workers: Arc<[Arc<WorkerVitals>]>,
        saturation: Arc<Saturation>,
        tracer: Option<Arc<Tracer>>,
        clock: Clock,
    ) -> Self {
        Self { status, workers, saturation, tracer, clock, turn: Arc::new(Semaphore::new(1)) }
    }

    /// How close the proxy is to capacity, from 0 to 1.
    #[must_use]
    pub fn saturation_ratio(&self) -> f64 {
        self.saturation.ratio(&self.status.configuration().listeners, OpenFiles::open_now())
    }

    /// How each worker is.
    pub fn workers(&self) -> impl Iterator<Item = &WorkerVitals> {
        self.workers.iter().map(|worker| &**worker)
    }

    /// The proxy as it is now.
    #[must_use]
    pub fn scrape(&self, selection: Selection) -> Scrape {
        Scrape::new(
            &self.status,
            &self.workers,
            &self.saturation,
            self.tracer.as_ref(),
            self.clock,
            selection,
        )
    }

    /// Writes a scrape in the format that an `Accept` field asks for: its content type, and the text; `None` if the process ends.
    ///
    /// That happens beside the event loop: a large one takes tens of milliseconds, and probes mustn't wait for it.
    pub async fn write(self, selection: Selection, accept: &str) -> Option<(&'static str, String)> {
        let format = Format::accepted(accept);
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        let written = tokio::task::spawn_blocking(move || {
            let text = format.write(self.scrape(selection));
            drop(turn);
            text
        });
        Some((format.content_type(), written.await.ok()?))
    }
}
