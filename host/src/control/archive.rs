//! The last good version of every plugin file, kept over restarts.
//!
//! In `state_dir` there is a copy of each version by its hash (`HASH.wasm`), and `policies.json` says which one was
//! good where. A proxy that starts beside a broken plugin file serves the copy.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use pointsman_core::pool::Pool;
use pointsman_policy::{
    Plugin, PolicySettings, PolicySlot, ProbationOutcome, Quarantine, VersionEvent, VersionId, is_uploaded,
};
use serde::{Deserialize, Serialize};

use crate::{regular_file, whole_file};

use super::change::PolicyPlace;
use super::plugin_file;
use super::state_lock::StateLock;

const INDEX: &str = "policies.json";
/// How all plugins are called that were put through the admin API.
const UPLOADED: &str = "admin API";
/// Largest index that is read: some ten thousand policies.
const MAX_INDEX_BYTES: usize = 16 << 20;

/// The versions that earlier runs recorded, and the directory for them.
#[derive(Debug, Clone)]
pub struct Archive {
    directory: PathBuf,
    index: Index,
}

/// Where a plugin file is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAt {
    /// The pool.
    pub pool: String,
    /// The route; `None` if it is the pool's own policy.
    pub route: Option<String>,
    /// The plugin file as it is named.
    pub file: String,
}

/// `policies.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Index {
    policies: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    used_at: UsedAt,
    /// Hash of the last version that has come through its probation.
    good: Option<String>,
    /// The version that was taken back, until another one is proven.
    quarantined: Option<Quarantined>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Quarantined {
    version: String,
    reason: String,
}

/// Something to be written down. It goes through a queue, so that a slow disk delays nothing else.
#[derive(Debug)]
enum Note {
    /// What has become of a version.
    Event(UsedAt, VersionEvent),
    /// A version that was taken back is let in again.
    Released(PolicyPlace, VersionId),
}

/// Where to send what is to be written down. Clones lead to the same archive.
#[derive(Debug, Clone)]
pub struct ArchiveQueue(Sender<Note>);

impl ArchiveQueue {
    /// Records what has become of a version.
    pub fn note(&self, slot: &PolicySlot, event: VersionEvent) {
        // A bundled policy can't break.
        if !event.version.is_bundled() {
            let used_at = UsedAt::of(slot.pool(), slot.settings(), &event.origin);
            let _ = self.0.send(Note::Event(used_at, event));
        }
    }

    /// Records that a version which was taken back in this place is let in again.
    pub fn release(&self, place: PolicyPlace, version: VersionId) {
        let _ = self.0.send(Note::Released(place, version));
    }
}

impl Archive {
    /// Reads the index. A missing directory is made; an index that can't be read is left as it is and counts as empty, with a
    /// warning.
    ///
    /// # Errors
    ///
    /// The directory can't be made.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let index = match read_index(&directory.join(INDEX)) {
            Ok(index) => index,
            Err(error) => {
                let path = directory.join(INDEX);
                tracing::warn!(
                    event = "archive-read-failed", path = %path.display(), %error,
                    "cannot read which versions were good; none is known"
                );
                Index::default()
            }
        };
        Ok(Self { directory: directory.into(), index })
    }

    /// The last version that was good in this place.
    #[must_use]
    pub fn last_good(&self, used_at: &UsedAt) -> Option<Plugin> {
        let hash = self.entry(used_at)?.good.as_ref()?;
        let path = self.directory.join(format!("{hash}.wasm"));
        let content = plugin_file::read(&path).ok().map(|plugin| plugin.content);
        let content = content.filter(|content| VersionId::of(content).to_hex() == *hash);
        if content.is_none() {
            tracing::warn!(
                event = "archive-version-lost", path = %path.display(),
                "the last good version is gone, or isn't what it was"
            );
        }
        Some(Plugin { origin: used_at.file.as_str().into(), content: content? })
    }

    /// The version that was taken back in this place.
    #[must_use]
    pub fn quarantine(&self, used_at: &UsedAt) -> Option<Quarantine> {
        let Quarantined { version, reason } = self.entry(used_at)?.quarantined.as_ref()?;
        Some(Quarantine { version: VersionId::from_hex(version)?, reason: reason.into() })
    }

    /// From now on records what comes through the queue, on a separate thread, as long as the lock is held.
    ///
    /// # Errors
    ///
    /// No thread.
    pub fn keep(self, lock: StateLock) -> io::Result<ArchiveQueue> {
        let (sender, notes) = mpsc::channel();
        thread::Builder::new().name("policy-archive".into()).spawn(move || self.write_down(&notes, &lock))?;
        Ok(ArchiveQueue(sender))
    }

    fn write_down(mut self, notes: &Receiver<Note>, lock: &StateLock) {
        for note in notes {
            if !lock.is_held() {
                continue;
            }
            let (file, noted) = match note {
                Note::Event(used_at, event) => (used_at.file.clone(), self.note(used_at, &event)),
                Note::Released(place, version) => (place.pool.clone(), self.release(&place, version)),
            };
            if let Err(error) = noted {
                let directory = self.directory.display();
                tracing::error!(
                    event = "archive-write-failed", file, %error, %directory,
                    "cannot write down what became of a version; a restart would miss it"
                );
            }
        }
    }

    /// Takes a version out of quarantine, whatever file it came from.
    fn release(&mut self, place: &PolicyPlace, version: VersionId) -> io::Result<()> {
        let (mut index, hash) = (self.latest_index(), version.to_hex());
        for entry in &mut index.policies {
            let is_here = (&entry.used_at.pool, &entry.used_at.route) == (&place.pool, &place.route);
            entry.quarantined.take_if(|quarantined| is_here && quarantined.version == hash);
        }
        whole_file::replace(&self.directory.join(INDEX), &serde_json::to_vec_pretty(&index)?)?;
        self.index = index;
        Ok(())
    }

    /// The index as it is now: the process that this one took over from may have written since it was read.
    fn latest_index(&self) -> Index {
        read_index(&self.directory.join(INDEX)).unwrap_or_else(|_| self.index.clone())
    }

    fn note(&mut self, used_at: UsedAt, event: &VersionEvent) -> io::Result<()> {
        let mut index = self.latest_index();
        let place = index.policies.iter().position(|entry| entry.used_at == used_at).unwrap_or_else(|| {
            index.policies.push(Entry { used_at, good: None, quarantined: None });
            index.policies.len() - 1
        });
        let entry = &mut index.policies[place];
        let hash = event.version.id.to_hex();
        match &event.outcome {
            ProbationOutcome::Proven => {
                whole_file::replace(&self.directory.join(format!("{hash}.wasm")), &event.version.content)?;
                entry.good = Some(hash);
                entry.quarantined = None;
            }
            ProbationOutcome::Quarantined(Quarantine { reason, .. }) => {
                entry.quarantined = Some(Quarantined { version: hash, reason: reason.to_string() });
            }
        }
        whole_file::replace(&self.directory.join(INDEX), &serde_json::to_vec_pretty(&index)?)?;
        self.index = index;
        self.forget_unused()
    }

    /// Removes the copies that the index doesn't name.
    fn forget_unused(&self) -> io::Result<()> {
        let used: BTreeSet<String> = self
            .index
            .policies
            .iter()
            .filter_map(|entry| entry.good.as_ref().map(|hash| format!("{hash}.wasm")))
            .collect();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            let hash = name.strip_suffix(".wasm").and_then(VersionId::from_hex);
            if hash.is_some() && !used.contains(name) {
                fs::remove_file(self.directory.join(name))?;
            }
        }
        Ok(())
    }

    fn entry(&self, used_at: &UsedAt) -> Option<&Entry> {
        self.index.policies.iter().find(|entry| entry.used_at == *used_at)
    }
}

fn read_index(path: &Path) -> io::Result<Index> {
    match regular_file::read(path, MAX_INDEX_BYTES) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Index::default()),
        Err(error) => Err(error),
    }
}

impl UsedAt {
    /// The place of a policy that picks from this pool by these settings.
    #[must_use]
    pub fn of(pool: &Pool, settings: &PolicySettings, file: &str) -> Self {
        let route = settings.route.as_deref().map(str::to_owned);
        Self::at(PolicyPlace { pool: pool.name.to_string(), route }, file)
    }

    /// The same in a place, of a plugin with this origin. All that were put there through the admin API are one, however their files are called:
    /// else each name would stay in the index for good, with a copy.
    #[must_use]
    pub fn at(PolicyPlace { pool, route }: PolicyPlace, origin: &str) -> Self {
        let file = if is_uploaded(origin) { UPLOADED } else { origin };
        Self { pool, route, file: file.to_owned() }
    }
}

#[cfg(test)]
mod tests;
