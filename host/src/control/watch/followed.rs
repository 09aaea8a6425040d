//! One plugin file over time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pointsman_core::printable::Printable;
use pointsman_policy::{LeftOutFile, PolicyLoader, PolicySlot, Refusal, SwapOutcome, VersionId};

use super::stamp::FileStamp;
use crate::control::plugin_file;

/// Scans of a truncated file before it is taken for complete, and refused.
const INCOMPLETE_SCANS: u32 = 8;
/// Between two warnings about the same missing or unreadable file.
const WARN_INTERVAL: Duration = Duration::from_secs(300);

/// A plugin file and the slot that its content goes to.
#[derive(Debug)]
pub struct PluginFile {
    /// The file as it is named, symlinks and all. It need not exist.
    pub path: PathBuf,
    /// The slot.
    pub slot: Arc<PolicySlot>,
    /// The content that the file had when the slot was opened, if an operator has put another policy in its place.
    pub put_over: Option<VersionId>,
}

/// Called with a slot when its plugin file has another content, and that serves. It must not wait.
pub type OnFileServes = Arc<dyn Fn(&PolicySlot) + Send + Sync>;

/// A plugin file, and what was last seen of it.
#[derive(Debug)]
pub(super) struct Followed {
    path: PathBuf,
    slot: Arc<PolicySlot>,
    /// What the file's metadata said when its content was last read.
    stamp: Option<FileStamp>,
    /// The content that was last handed to the loader.
    handed_over: Option<VersionId>,
    /// Scans that found the content truncated.
    incomplete: Arc<AtomicU32>,
    missing: Missing,
}

#[derive(Debug)]
enum Missing {
    No,
    /// Seen missing once: it may be about to be replaced.
    Once,
    /// A warning was given then.
    Warned(Instant),
}

/// Whether it matters that a file is missing. A bundled policy serves until a file of its name appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warnings {
    Wanted,
    Pointless,
}

impl Missing {
    /// Records another scan without the file. Returns whether that is worth a warning now.
    fn once_more(&mut self, warnings: Warnings, now: Instant) -> bool {
        *self = match *self {
            // A file that served may be replaced by deleting it first.
            Self::No => Self::Once,
            Self::Warned(at) if now.saturating_duration_since(at) < WARN_INTERVAL => Self::Warned(at),
            Self::Once | Self::Warned(_) if warnings == Warnings::Wanted => {
                *self = Self::Warned(now);
                return true;
            }
            Self::Once | Self::Warned(_) => Self::Once,
        };
        false
    }
}

impl Followed {
    pub(super) fn new(PluginFile { path, slot, put_over }: PluginFile) -> Self {
        // What was put stays until the file has another content than it lies over.
        let handed_over = put_over.or_else(|| Some(slot.active().version.id));
        Self { path, slot, stamp: None, handed_over, incomplete: Arc::default(), missing: Missing::No }
    }

    /// Whether a file and its slot have ended up like this.
    pub(super) fn is(&self, path: &Path, slot: &Arc<PolicySlot>) -> bool {
        self.path == path && Arc::ptr_eq(&self.slot, slot)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Scans the file, and hands its content to the loader if it is new. `again` asks for another scan.
    pub(super) fn scan(
        &mut self,
        loader: &PolicyLoader,
        on_file_serves: &OnFileServes,
        again: impl FnOnce() + Send + 'static,
    ) {
        let stamp = FileStamp::of(&self.path);
        let incomplete = self.incomplete.load(Ordering::Relaxed) > 0;
        if stamp.is_some() && stamp == self.stamp && !incomplete && !self.is_recent() {
            return;
        }
        let plugin = match plugin_file::read(&self.path) {
            Ok(plugin) => plugin,
            Err(error) => {
                self.stamp = None;
                return self.warn(&error);
            }
        };
        let was_missing = !matches!(std::mem::replace(&mut self.missing, Missing::No), Missing::No);
        self.stamp = stamp;
        let id = VersionId::of(&plugin.content);
        if self.handed_over == Some(id) && !incomplete {
            if was_missing && self.slot.active().version.id == id {
                self.slot.set_left_out(None);
            }
            return;
        }
        if self.handed_over != Some(id) {
            self.incomplete.store(0, Ordering::Relaxed);
        }
        self.handed_over = Some(id);
        let (scans, slot) = (Arc::clone(&self.incomplete), Arc::clone(&self.slot));
        let (origin, on_file_serves) = (Arc::clone(&plugin.origin), Arc::clone(on_file_serves));
        loader.swap(&self.slot, plugin, move |outcome| match outcome {
            SwapOutcome::Refused(refusal) if refusal.is_incomplete() => {
                // It may just be being written.
                match scans.fetch_add(1, Ordering::Relaxed) + 1 {
                    INCOMPLETE_SCANS => {
                        slot.log_refusal(&origin, &refusal);
                        slot.set_left_out(refused(&origin, &refusal));
                        scans.store(0, Ordering::Relaxed);
                    }
                    _ => again(),
                }
            }
            SwapOutcome::Refused(refusal) => {
                scans.store(0, Ordering::Relaxed);
                slot.set_left_out(refused(&origin, &refusal));
            }
            SwapOutcome::Swapped(_) | SwapOutcome::Unchanged(_) => {
                scans.store(0, Ordering::Relaxed);
                slot.set_left_out(None);
                on_file_serves(&slot);
            }
        });
    }

    /// Whether the file changed so shortly before it was read that its stamp may not show a further change.
    fn is_recent(&self) -> bool {
        !self.stamp.as_ref().is_some_and(FileStamp::is_settled)
    }

    fn warn(&mut self, error: &plugin_file::PluginError) {
        let warnings = if self.serves_this_file() { Warnings::Wanted } else { Warnings::Pointless };
        if warnings == Warnings::Pointless && error.is_missing() {
            // What was refused there is gone, and what serves doesn't need it.
            self.slot.set_left_out(None);
        }
        if self.missing.once_more(warnings, Instant::now()) {
            let file = self.path.display().to_string().into();
            self.slot.set_left_out(Some(LeftOutFile { file, reason: Printable::text(error) }));
            let serving = self.slot.active().version.id;
            tracing::warn!(
                event = "plugin-read-failed", pool = &*self.slot.pool().name, %serving,
                "{error}; the version that serves goes on"
            );
        }
    }

    fn serves_this_file(&self) -> bool {
        *self.slot.active().origin == *self.path.display().to_string()
    }
}

/// What is said of a file that was refused, for as long as it holds that. That it is in quarantine, the slot says itself.
fn refused(file: &Arc<str>, refusal: &Refusal) -> Option<LeftOutFile> {
    let is_told = matches!(refusal, Refusal::Quarantined { .. });
    (!is_told).then(|| LeftOutFile { file: Arc::clone(file), reason: Printable::text(refusal) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_stays_away_is_warned_of_at_a_decent_rate() {
        // Looked for every five seconds, as the poll does, for an hour.
        let start = Instant::now();
        let warned_at = |warnings| {
            let mut missing = Missing::No;
            let scans = (0..720).map(|scan| Duration::from_secs(5 * scan));
            scans
                .filter(|at| missing.once_more(warnings, start + *at))
                .map(|at| at.as_secs())
                .collect::<Vec<_>>()
        };
        let expected: Vec<u64> = (0..12).map(|number| 5 + 300 * number).collect();
        assert_eq!(
            warned_at(Warnings::Wanted),
            expected,
            "not at the first scan, and then every five minutes"
        );
        assert!(warned_at(Warnings::Pointless).is_empty());
    }
}
