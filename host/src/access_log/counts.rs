//! What is counted of the access log.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Counters of the process's access log. They go on counting when its configuration changes.
#[derive(Debug, Default)]
pub struct LogCounts {
    lines: AtomicU64,
    buffer_full: AtomicU64,
    write_failed: AtomicU64,
    buffered_bytes: AtomicU64,
    write_errors: AtomicU64,
}

impl LogCounts {
    /// Lines that were written.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }

    /// Lines that were dropped because the buffer was full.
    #[must_use]
    pub fn dropped_for_want_of_room(&self) -> u64 {
        self.buffer_full.load(Relaxed)
    }

    /// Lines that were dropped because they couldn't be written.
    #[must_use]
    pub fn dropped_by_errors(&self) -> u64 {
        self.write_failed.load(Relaxed)
    }

    /// Bytes on their way from the workers to the output.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        self.buffered_bytes.load(Relaxed)
    }

    /// Writes that failed.
    #[must_use]
    pub fn write_errors(&self) -> u64 {
        self.write_errors.load(Relaxed)
    }

    /// A line found no room.
    pub(super) fn count_overflow(&self) {
        self.buffer_full.fetch_add(1, Relaxed);
    }

    /// A block is on its way.
    pub(super) fn count_buffered(&self, bytes: usize) {
        self.buffered_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// A block of so many lines has arrived, of which these are lost to an error.
    pub(super) fn count_written(&self, bytes: usize, lines: u64, lost: u64) {
        self.buffered_bytes.fetch_sub(bytes as u64, Relaxed);
        self.lines.fetch_add(lines - lost, Relaxed);
        self.write_failed.fetch_add(lost, Relaxed);
    }

    /// A write has failed.
    pub(super) fn count_error(&self) {
        self.write_errors.fetch_add(1, Relaxed);
    }
}
