//! Policies that operators have put in the place of the file's, by the admin API.
//!
//! A reload keeps one unless the file names another policy there. When the content of its plugin file changes and can serve, the file wins.
//! With a `state_dir` they outlive the process: `put-policies.json` names them, and `put-HASH.wasm` holds the plugin of each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use pointsman_policy::{Plugin, VersionId};
use serde::{Deserialize, Serialize};

use super::change::PolicyPlace;
use super::overrides::{Keeping, since_1970_ms};
use super::plugin_file;
use super::state_lock::StateLock;
use crate::{regular_file, whole_file};

const INDEX: &str = "put-policies.json";

/// Largest index that is read, bytes.
const INDEX_BYTES: usize = 16 << 20;

/// All policies that were put. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct PolicyOverrides(Arc<Overridden>);

#[derive(Debug, Default)]
struct Overridden {
    puts: Mutex<Vec<Arc<Put>>>,
    /// Where they are kept, and the right to write there. Locked while they are written; the others aren't, as the disk may be slow.
    directory: Mutex<Option<(PathBuf, StateLock)>>,
}

/// A policy that was put, for those who report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutPolicy {
    /// Where it was put.
    pub place: PolicyPlace,
    /// What it lies over.
    pub over: PolicyInFile,
    /// The version that serves if the file counts; `None` if this program has no such policy.
    pub file_version: Option<VersionId>,
    /// When it was put, ms since 1970.
    pub since_ms: u64,
    /// Who has put it.
    pub by: String,
}

/// What the configuration file says of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyInFile {
    /// The policy's name, or the path of its file.
    pub source: String,
    /// Hash of the plugin file; none for a bundled policy, which may be another one after an upgrade.
    pub version: Option<String>,
}

#[derive(Debug)]
struct Put {
    entry: Entry,
    plugin: Plugin,
}

/// One policy in the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    place: PolicyPlace,
    /// Where the plugin came from.
    origin: String,
    /// Its name, if it is a bundled one: there is no copy of it.
    bundled: Option<String>,
    /// Its hash.
    version: String,
    /// What it lies over.
    over: PolicyInFile,
    /// When it was put, ms since 1970; 0 if the program that wrote this down didn't know.
    #[serde(default)]
    since_ms: u64,
    #[serde(default)]
    by: String,
}

impl PolicyInFile {
    /// The version that this names; `None` if this program has no such policy.
    fn version(&self) -> Option<VersionId> {
        match &self.version {
            Some(version) => VersionId::from_hex(version),
            None => Plugin::bundled(&self.source).map(|plugin| VersionId::of(&plugin.content)),
        }
    }
}

impl PolicyOverrides {
    /// Those that are kept in this directory. What can't be read is left out, which is logged.
    #[must_use]
    pub fn open(directory: Option<(&Path, StateLock)>) -> Self {
        let entries = directory.as_ref().map(|(path, _)| read(path)).unwrap_or_default();
        let put = |entry: Entry| {
            let plugin = directory.as_ref().and_then(|(path, _)| entry.plugin(path));
            if plugin.is_none() {
                let (PolicyPlace { pool, route }, version) = (&entry.place, &entry.version);
                tracing::warn!(
                    event = "put-policy-lost",
                    pool,
                    route,
                    version,
                    "the plugin that an operator had put is gone, or isn't what it was"
                );
            }
            Some(Arc::new(Put { plugin: plugin?, entry }))
        };
        let puts = Mutex::new(entries.into_iter().filter_map(put).collect());
        let directory = Mutex::new(directory.map(|(path, lock)| (path.to_owned(), lock)));
        Self(Arc::new(Overridden { puts, directory }))
    }

    /// All of them, whether or not they serve.
    #[must_use]
    pub fn all(&self) -> Vec<PutPolicy> {
        let puts = self.0.puts.lock().clone();
        let shown = |Entry { place, over, since_ms, by, .. }: &Entry| PutPolicy {
            place: place.clone(),
            over: over.clone(),
            file_version: over.version(),
            since_ms: *since_ms,
            by: by.clone(),
        };
        puts.iter().map(|put| shown(&put.entry)).collect()
    }

    /// The plugin that was put here, if the file still says what it said then.
    #[must_use]
    pub fn plugin(&self, place: &PolicyPlace, in_file: &PolicyInFile) -> Option<Plugin> {
        let puts = self.0.puts.lock();
        let put = puts.iter().find(|put| put.entry.place == *place)?;
        (put.entry.over == *in_file).then(|| put.plugin.clone())
    }

    /// Remembers that this plugin is to serve here, in the place of what the file says.
    pub fn put(&self, place: PolicyPlace, plugin: Plugin, over: PolicyInFile, by: &str) {
        let bundled = plugin.origin.strip_prefix("bundled ").filter(|_| plugin.is_bundled());
        let entry = Entry {
            origin: plugin.origin.to_string(),
            bundled: bundled.map(str::to_owned),
            version: VersionId::of(&plugin.content).to_hex(),
            over,
            place,
            since_ms: since_1970_ms(),
            by: by.to_owned(),
        };
        let mut puts = self.0.puts.lock();
        puts.retain(|put| put.entry.place != entry.place);
        puts.push(Arc::new(Put { entry, plugin }));
    }

    /// Forgets what was put here: the file counts again. Returns whether something was.
    pub fn forget(&self, place: &PolicyPlace) -> bool {
        let mut puts = self.0.puts.lock();
        let before = puts.len();
        puts.retain(|put| put.entry.place != *place);
        puts.len() < before
    }

    /// The file's plugin serves here since its content has changed: drops what was put. Returns whether something was.
    pub fn file_wins(&self, place: &PolicyPlace) -> bool {
        let dropped = self.forget(place);
        if dropped {
            log_dropped(place);
        }
        dropped
    }

    /// Drops those that don't serve and whose places the file has changed, or removed: there, the file wins. `serving` says which version
    /// serves in a place.
    pub fn follow(
        &self,
        in_file: impl Fn(&PolicyPlace) -> Option<PolicyInFile>,
        serving: impl Fn(&PolicyPlace) -> Option<VersionId>,
    ) {
        let puts = self.0.puts.lock().clone();
        let stays = |Entry { place, over, version, .. }: &Entry| {
            let serves = serving(place).is_some_and(|serving| serving.to_hex() == *version);
            serves || in_file(place).as_ref() == Some(over)
        };
        // Files are read for that, so nothing is locked.
        let dropped: Vec<Arc<Put>> = puts.into_iter().filter(|put| !stays(&put.entry)).collect();
        if dropped.is_empty() {
            return;
        }
        self.0.puts.lock().retain(|put| !dropped.iter().any(|dropped| Arc::ptr_eq(put, dropped)));
        dropped.iter().for_each(|put| log_dropped(&put.entry.place));
        self.keep();
    }

    /// Writes them down, if there is a directory for them.
    pub fn keep(&self) -> Keeping {
        let directory = self.0.directory.lock();
        let Some((directory, _)) = directory.as_ref().filter(|(_, lock)| lock.is_held()) else {
            return Keeping::Nowhere;
        };
        // As they are now: whoever writes last has written the latest.
        let puts = self.0.puts.lock().clone();
        let kept = write(directory, &puts);
        if let Err(error) = &kept {
            let directory = directory.display();
            tracing::error!(
                event = "put-policies-write-failed", %directory, %error,
                "which policies operators have put, and which they have taken back, won't be known after this process"
            );
        }
        if kept.is_ok() { Keeping::Kept } else { Keeping::Failed }
    }
}

fn log_dropped(PolicyPlace { pool, route }: &PolicyPlace) {
    tracing::warn!(
        event = "put-policy-dropped",
        pool,
        route,
        "the file has another policy than when an operator put one: the file wins"
    );
}

impl Entry {
    fn copy(&self) -> String {
        format!("put-{}.wasm", self.version)
    }

    /// Its plugin: the bundled one of its name, or the copy if it is what it was.
    fn plugin(&self, directory: &Path) -> Option<Plugin> {
        if let Some(name) = &self.bundled {
            return Plugin::bundled(name);
        }
        let content = plugin_file::read(&directory.join(self.copy())).ok()?.content;
        let whole = VersionId::of(&content).to_hex() == self.version;
        whole.then(|| Plugin { origin: self.origin.as_str().into(), content })
    }
}

fn read(directory: &Path) -> Vec<Entry> {
    let file = directory.join(INDEX);
    let read = regular_file::read(&file, INDEX_BYTES)
        .and_then(|json| serde_json::from_slice(&json).map_err(io::Error::other));
    read.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(
                event = "put-policies-read-failed", file = %file.display(), %error,
                "the policies that operators had put are lost"
            );
        }
        Vec::new()
    })
}

/// Writes the copies, then the index that names them, and removes the copies that it doesn't name.
fn write(directory: &Path, puts: &[Arc<Put>]) -> io::Result<()> {
    for Put { entry, plugin } in puts.iter().map(Arc::as_ref).filter(|put| put.entry.bundled.is_none()) {
        if !directory.join(entry.copy()).exists() {
            whole_file::replace(&directory.join(entry.copy()), &plugin.content)?;
        }
    }
    let entries: Vec<&Entry> = puts.iter().map(|put| &put.entry).collect();
    whole_file::replace(&directory.join(INDEX), &serde_json::to_vec_pretty(&entries)?)?;
    for file in std::fs::read_dir(directory)? {
        let name = file?.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_copy = name.starts_with("put-") && name.ends_with(".wasm");
        if is_copy && !entries.iter().any(|entry| entry.copy() == name) {
            std::fs::remove_file(directory.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(route: Option<&str>) -> PolicyPlace {
        PolicyPlace { pool: "web".into(), route: route.map(str::to_owned) }
    }

    fn in_file(source: &str) -> PolicyInFile {
        PolicyInFile { source: source.into(), version: None }
    }

    fn plugin(content: &[u8]) -> Plugin {
        Plugin::uploaded(None, content.to_vec())
    }

    #[test]
    fn what_was_put_outlives_the_process_until_the_file_says_something_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StateLock::take(folder.path(), None).expect("it is free");
        let open = || PolicyOverrides::open(Some((folder.path(), lock.clone())));
        let content = |puts: &PolicyOverrides, route, source| {
            let plugin = puts.plugin(&place(route), &in_file(source));
            plugin.map(|plugin| plugin.content.into_owned())
        };
        let puts = open();
        puts.put(place(None), plugin(b"first"), in_file("least-conn"), "a test");
        puts.put(place(None), plugin(b"second"), in_file("least-conn"), "a test");
        let bundled = Plugin::bundled("ip-hash").expect("it is bundled");
        puts.put(place(Some("/v1/")), bundled.clone(), in_file("least-conn"), "a test");
        assert_eq!(puts.keep(), Keeping::Kept);
        let puts = open();
        assert_eq!(content(&puts, None, "least-conn").as_deref(), Some(&b"second"[..]));
        assert_eq!(content(&puts, None, "ip-hash"), None, "the file has another one");
        let again = puts.plugin(&place(Some("/v1/")), &in_file("least-conn")).expect("it is kept");
        assert!(again.is_bundled() && again.content == bundled.content);
        puts.follow(|place| place.route.is_none().then(|| in_file("least-conn")), |_| None);
        assert_eq!(content(&open(), Some("/v1/"), "least-conn"), None, "the route is gone");
        assert!(puts.forget(&place(None)) && !puts.forget(&place(None)));
        assert_eq!(puts.keep(), Keeping::Kept);
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the lock and the index");
        lock.release();
        assert_eq!(puts.keep(), Keeping::Nowhere, "another proxy may have the directory now");
        assert_eq!(PolicyOverrides::default().keep(), Keeping::Nowhere);
    }

    #[test]
    fn what_serves_stays_though_its_file_has_changed() {
        let puts = PolicyOverrides::default();
        puts.put(place(None), plugin(b"put"), in_file("least-conn"), "a test");
        puts.follow(|_| Some(in_file("broken.wasm")), |_| Some(VersionId::of(b"put")));
        let all = puts.all();
        assert_eq!(all.len(), 1);
        assert!(all[0].since_ms > 0 && all[0].by == "a test", "{all:?}");
        let bundled = Plugin::bundled("least-conn").expect("it is bundled");
        assert_eq!(all[0].file_version, Some(VersionId::of(&bundled.content)));
        puts.follow(|_| Some(in_file("broken.wasm")), |_| Some(VersionId::of(b"the file's")));
        assert!(puts.all().is_empty());
    }

    #[test]
    fn an_index_of_an_earlier_program_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = r#"[{ "pool": "web", "route": null, "origin": "bundled ip-hash", "bundled": "ip-hash", "version": "0",
                          "over": { "source": "a", "version": null } }]"#;
        std::fs::write(folder.path().join(INDEX), index).expect("a file");
        let lock = StateLock::take(folder.path(), None).expect("it is free");
        let puts = PolicyOverrides::open(Some((folder.path(), lock)));
        let all = puts.all();
        assert_eq!(all.len(), 1);
        assert!(all[0].since_ms == 0 && all[0].by.is_empty() && all[0].file_version.is_none(), "{all:?}");
    }

    #[test]
    fn what_is_broken_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StateLock::take(folder.path(), None).expect("it is free");
        let open = || PolicyOverrides::open(Some((folder.path(), lock.clone())));
        let is_kept = || open().plugin(&place(None), &in_file("a")).is_some();
        let puts = open();
        puts.put(place(None), plugin(b"good"), in_file("a"), "a test");
        assert!(puts.keep() == Keeping::Kept && is_kept());
        let copy = folder.path().join(format!("put-{}.wasm", VersionId::of(b"good").to_hex()));
        std::fs::write(&copy, "evil").expect("a file");
        assert!(!is_kept());
        std::fs::remove_file(&copy).expect("it was there");
        assert!(!is_kept());
        std::fs::write(folder.path().join(INDEX), "[{").expect("half an index");
        assert!(!is_kept());
    }
}
