//! The access log: a line for each request.
//!
//! A worker formats lines into a block of its own. A block that is full, or has waited for 50 ms, goes to the thread that writes them, and
//! comes back empty: nothing is allocated, locked or waited for in the time of a request. If no block is left, as nobody takes what is
//! written, lines are dropped and counted.

mod choice_texts;
mod counts;
mod ending;
mod entry;
mod escape;
mod handover;
mod json;
mod line;
mod mask;
mod number;
mod output;
mod plain;
mod sampling;
#[cfg(test)]
mod tests;
mod text;
mod texts;
mod time;
mod worker_log;
mod writer;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use counts::LogCounts;
pub use entry::{Entry, LineEvent, TunnelEnd};
pub use texts::RequestTexts;
pub use worker_log::WorkerLog;

use crate::config::{AccessLogConfig, LogOutput};
use handover::{BLOCK, Handover};
use output::Output;

/// The access log as all workers share it. Its writer ends when this is dropped and everything is written.
#[derive(Debug)]
pub struct AccessLog {
    handover: Arc<Handover>,
    target: LogOutput,
    buffer: usize,
}

impl AccessLog {
    /// Opens the output and starts the thread that writes there.
    ///
    /// # Errors
    ///
    /// The output can't be opened, or there is no thread.
    pub fn open(config: &AccessLogConfig, workers: usize, counts: Arc<LogCounts>) -> io::Result<Arc<Self>> {
        let output = Output::open(&config.output)?;
        // Each worker has to have one to write into while others are written.
        let blocks = (config.buffer / BLOCK).max(2 * workers);
        let handover = Arc::new(Handover::new(blocks, counts));
        let (source, target) = (Arc::clone(&handover), config.output.clone());
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer::run(output, &target, &source))?;
        Ok(Arc::new(Self { handover, target: config.output.clone(), buffer: config.buffer }))
    }

    /// Whether what this configuration names could be opened, as far as that shows without making it. A named pipe isn't opened: its reader
    /// would see it end.
    ///
    /// # Errors
    ///
    /// It can't be written to, nor made.
    pub fn foreseen(config: &AccessLogConfig) -> io::Result<()> {
        Output::foreseen(&config.output)
    }

    /// Whether this writes where the configuration says, with as much memory: then all else can change without another one.
    #[must_use]
    pub fn is_for(&self, config: &AccessLogConfig) -> bool {
        (&self.target, self.buffer) == (&config.output, config.buffer)
    }

    /// Opens the file anew, which somebody may have renamed.
    pub fn reopen(&self) {
        self.handover.reopen();
    }

    /// Waits until everything is written that workers have handed over, for no longer than this. Nothing else may be handed over.
    pub fn finish(&self, at_most: Duration) {
        self.handover.close();
        self.handover.wait_for_end(at_most);
    }

    fn handover(&self) -> &Handover {
        &self.handover
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.handover.close();
    }
}
