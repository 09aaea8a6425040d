//! The log on standard error.
//!
//! No thread waits for it: lines go into a bounded queue, and one thread writes them. A pipe that isn't read, a reader that is gone or
//! a full disk cost lines, which are counted and reported later, and nothing else.

mod controls;
mod field;
mod filter;
mod limit;
mod line;
mod queue;
mod recent;
mod writer;

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub use controls::LogControls;
pub use filter::{from_level as filter_from_level, parse as parse_filter};
pub use recent::{RecentEvent, RecentEvents};

use crate::line_writer::Descriptor;
use limit::Limits;
use queue::Queue;
use writer::Writer;

/// An end of the process waits this long for what isn't written yet.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The log of the process. What is in the queue when this is dropped is written, if that takes no longer than a second.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    controls: LogControls,
}

impl Log {
    /// Makes this the place where everything is logged that the filter lets through, panics included.
    ///
    /// # Errors
    ///
    /// There is no thread to write it, or the process has a log already.
    pub fn start(filter: Targets) -> io::Result<Self> {
        let (queue, limits) = (Arc::<Queue>::default(), Arc::<Limits>::default());
        let writer = Writer::new(Descriptor::Stderr(io::stderr()), Arc::clone(&limits));
        let source = Arc::clone(&queue);
        std::thread::Builder::new().name("log".into()).spawn(move || writer.run(&source))?;
        let colours = io::stderr().is_terminal();
        let layer = Lines { queue: Arc::clone(&queue), limits, colours };
        let (controls, filter) = LogControls::new(filter);
        // Whatever is logged, an operator who asks is told the same.
        let ours = Targets::new().with_target("pointsman", LevelFilter::INFO);
        let registry = tracing_subscriber::registry().with(layer.with_filter(filter));
        registry.with(controls.recent.clone().with_filter(ours)).try_init().map_err(io::Error::other)?;
        std::panic::set_hook(Box::new(|panic| {
            let thread = std::thread::current();
            tracing::error!(event = "thread-panicked", thread = thread.name(), "{panic}");
        }));
        Ok(Self { queue, controls })
    }

    /// What the rest of the process may know and change of it.
    #[must_use]
    pub fn controls(&self) -> LogControls {
        self.controls.clone()
    }

    /// Says something that is no event: the text alone, on one line.
    pub fn say(&self, text: impl Display) {
        self.queue.push(&line::plain(text));
    }

    /// Waits until everything is written, but not for long.
    pub fn flush(&self) {
        self.queue.wait_until_written(FLUSH_TIMEOUT);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Makes a line of every event.
struct Lines {
    queue: Arc<Queue>,
    limits: Arc<Limits>,
    colours: bool,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if let Some(suppressed) = self.limits.admit(event) {
            self.queue.push(&line::of(event, suppressed, self.colours));
        }
    }
}
