//! The last good version of every plugin file, kept over restarts.
//!
//! In `state_dir` there is a copy of each version by its hash (`HASH.wasm`), and `policies.json` says which one was
//! good where. A proxy that starts beside a broken plugin file serves the copy.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use pointsman_core::pool::Pool;
use pointsman_policy::{
    Plugin, PolicySettings, PolicySlot, ProbationOutcome, Quarantine, VersionEvent, VersionId,
};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::regular_file;

use super::plugin_file;
use super::state_lock::StateLock;

const INDEX: &str = "policies.json";
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

/// An event to be archived. It goes through a queue, so that a slow disk delays nothing else.
#[derive(Debug)]
struct ArchiveEntry {
    used_at: UsedAt,
    event: VersionEvent,
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

    /// From now on records every event that the returned function is called with, on a separate thread, as long as the lock is
    /// held.
    ///
    /// # Errors
    ///
    /// No thread.
    pub fn keep(self, lock: StateLock) -> io::Result<impl FnMut(&PolicySlot, VersionEvent) + Send + 'static> {
        let (sender, entries): (Sender<ArchiveEntry>, _) = mpsc::channel();
        thread::Builder::new()
            .name("policy-archive".into())
            .spawn(move || self.write_down(&entries, &lock))?;
        Ok(move |slot: &PolicySlot, event: VersionEvent| {
            // A bundled policy can't break.
            if !event.version.is_bundled() {
                let _ = sender.send(ArchiveEntry {
                    used_at: UsedAt::of(slot.pool(), slot.settings(), &event.origin),
                    event,
                });
            }
        })
    }

    fn write_down(mut self, entries: &Receiver<ArchiveEntry>, lock: &StateLock) {
        for ArchiveEntry { used_at, event } in entries {
            if !lock.is_held() {
                continue;
            }
            let file = used_at.file.clone();
            if let Err(error) = self.note(used_at, &event) {
                let directory = self.directory.display();
                tracing::error!(
                    event = "archive-write-failed", file, %error, %directory,
                    "cannot keep the last good version; a restart would miss it"
                );
            }
        }
    }

    fn note(&mut self, used_at: UsedAt, event: &VersionEvent) -> io::Result<()> {
        // The process that this one took over from may have written since it was read.
        let mut index = read_index(&self.directory.join(INDEX)).unwrap_or_else(|_| self.index.clone());
        let place = index.policies.iter().position(|entry| entry.used_at == used_at).unwrap_or_else(|| {
            index.policies.push(Entry { used_at, good: None, quarantined: None });
            index.policies.len() - 1
        });
        let entry = &mut index.policies[place];
        let hash = event.version.id.to_hex();
        match &event.outcome {
            ProbationOutcome::Proven => {
                self.write(&format!("{hash}.wasm"), &event.version.content)?;
                entry.good = Some(hash);
                entry.quarantined = None;
            }
            ProbationOutcome::Quarantined(Quarantine { reason, .. }) => {
                entry.quarantined = Some(Quarantined { version: hash, reason: reason.to_string() });
            }
        }
        self.write(INDEX, &serde_json::to_vec_pretty(&index)?)?;
        self.index = index;
        self.forget_unused()
    }

    /// Writes a file whole or not at all.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(self.directory.join(name))?;
        Ok(())
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
        Self { pool: pool.name.to_string(), route, file: file.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use std::time::Duration;

    use harness::wait_until;
    use pointsman_core::clock::Clock;
    use pointsman_core::pool::UpstreamLimits;
    use pointsman_policy::PolicyLoader;
    use pointsman_policy::ProbationSettings;

    use super::*;

    const FILE: &str = "/etc/pointsman/mine.wasm";

    /// A plugin file that serves at once: a bundled policy with a section that means nothing.
    fn plugin(revision: u32) -> Plugin {
        let bundled = pointsman_policy::bundled("round-robin").expect("it is bundled");
        Plugin::file(Path::new(FILE), harness::revised(bundled, revision))
    }

    fn settings() -> PolicySettings {
        let probation = ProbationSettings { picks: 0, time: Duration::from_millis(1), faults: 5 };
        PolicySettings { probation, ..Default::default() }
    }

    fn pool() -> Arc<Pool> {
        Arc::new(Pool::new("api", 0, &UpstreamLimits::default(), Vec::new()))
    }

    #[test]
    fn a_proven_version_is_there_after_a_restart_and_copies_do_not_pile_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("made/for/it");
        let archive = Archive::open(&state).expect("it is made");
        let used_at = UsedAt::of(&pool(), &settings(), FILE);
        assert!(archive.last_good(&used_at).is_none());
        let lock = StateLock::take(&state, None).expect("it is free");
        let keep = archive.keep(lock.clone()).expect("a thread");
        let loader = PolicyLoader::start_with(Clock::start(), NonZeroUsize::MIN, 1, keep).expect("a loader");
        let opened = loader.open(pool(), settings(), Arc::default(), plugin(1)).expect("it is fit");
        let good = || Archive::open(&state).expect("it is there").last_good(&used_at);
        let is_good = |revision| good().is_some_and(|good| good.content == plugin(revision).content);
        wait_until("the first version is kept", || is_good(1));
        loader.swap(&opened.slot, plugin(2), |_| {});
        wait_until("the second version is kept", || is_good(2));
        let copies = || fs::read_dir(&state).expect("a folder").count();
        wait_until("the first one's copy is gone", || copies() == 3);
        // Another proxy may have the directory now.
        lock.release();
        loader.swap(&opened.slot, plugin(3), |_| {});
        let id = VersionId::of(&plugin(3).content);
        wait_until("the third version serves", || opened.slot.active().version.id == id);
        assert!(is_good(2));

        let route = PolicySettings { route: Some("/v1/".into()), ..settings() };
        let elsewhere = UsedAt::of(&pool(), &route, FILE);
        assert!(Archive::open(&state).expect("it is there").last_good(&elsewhere).is_none());
    }

    #[test]
    fn what_is_no_file_or_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        let used_at = UsedAt::of(&pool(), &settings(), FILE);
        let open = || Archive::open(folder.path()).expect("it is there");
        let link = |name: &str| std::os::unix::fs::symlink("/dev/zero", place(name)).expect("a link");
        let fifo = |name: &str| {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, place(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        };
        let remove = |name: &str| fs::remove_file(place(name)).expect("it was there");
        link(INDEX);
        assert!(open().last_good(&used_at).is_none(), "there is no index");
        remove(INDEX);
        fifo(INDEX);
        assert!(open().last_good(&used_at).is_none(), "there is none, and no wait for it");
        remove(INDEX);
        let copy = format!("{}.wasm", VersionId::of(b"good").to_hex());
        let index = format!(
            r#"{{"policies":[{{"pool":"api","route":null,"file":"{FILE}","good":"{}","quarantined":null}}]}}"#,
            VersionId::of(b"good").to_hex()
        );
        fs::write(place(INDEX), index).expect("an index");
        link(&copy);
        assert!(open().last_good(&used_at).is_none(), "it isn't what its name says");
        remove(&copy);
        fifo(&copy);
        assert!(open().last_good(&used_at).is_none(), "no wait for it");
        remove(&copy);
        fs::write(place(&copy), "good").expect("a copy");
        assert!(open().last_good(&used_at).is_some());
    }

    #[test]
    fn what_was_tampered_with_or_cannot_be_read_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let used_at = UsedAt::of(&pool(), &settings(), FILE);
        let id = VersionId::of(b"good").to_hex();
        let index = format!(
            r#"{{"policies":[{{"pool":"api","route":null,"file":"{FILE}","good":"{id}",
                "quarantined":{{"version":"{id}","reason":"a trap"}}}}]}}"#
        );
        fs::write(folder.path().join(INDEX), index).expect("an index");
        let open = || Archive::open(folder.path()).expect("it is there");
        assert!(open().last_good(&used_at).is_none(), "there is no copy");
        fs::write(folder.path().join(format!("{id}.wasm")), "good").expect("a copy");
        assert_eq!(open().last_good(&used_at).expect("a copy").content.as_ref(), b"good");
        let quarantine = Quarantine { version: VersionId::of(b"good"), reason: "a trap".into() };
        assert_eq!(open().quarantine(&used_at), Some(quarantine));
        fs::write(folder.path().join(format!("{id}.wasm")), "evil").expect("another copy");
        assert!(open().last_good(&used_at).is_none(), "it isn't what its name says");
        fs::write(folder.path().join(INDEX), "{").expect("half an index");
        assert!(open().quarantine(&used_at).is_none());
    }
}
