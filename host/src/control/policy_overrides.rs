//! Policies that operators have put in the place of the file's, by the admin API.
//!
//! A reload keeps one unless the file names another policy there, or its plugin file has changed: then the file wins. With a `state_dir`
//! they outlive the process: `put-policies.json` names them, and `put-HASH.wasm` holds the plugin of each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use pointsman_policy::{Plugin, VersionId};
use serde::{Deserialize, Serialize};

use super::change::PolicyPlace;
use super::plugin_file;
use super::state_lock::StateLock;
use crate::{regular_file, whole_file};

const INDEX: &str = "put-policies.json";

/// Largest index that is read, bytes.
const INDEX_BYTES: usize = 16 << 20;

/// All policies that were put. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct PolicyOverrides(Arc<Mutex<Overridden>>);

#[derive(Debug, Default)]
struct Overridden {
    puts: Vec<Put>,
    /// Where they are kept, and the right to write there.
    directory: Option<(PathBuf, StateLock)>,
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
            Some(Put { plugin: plugin?, entry })
        };
        let puts = entries.into_iter().filter_map(put).collect();
        let directory = directory.map(|(path, lock)| (path.to_owned(), lock));
        Self(Arc::new(Mutex::new(Overridden { puts, directory })))
    }

    /// The plugin that was put here, if the file still says what it said then.
    #[must_use]
    pub fn plugin(&self, place: &PolicyPlace, in_file: &PolicyInFile) -> Option<Plugin> {
        let overridden = self.0.lock();
        let put = overridden.puts.iter().find(|put| put.entry.place == *place)?;
        (put.entry.over == *in_file).then(|| put.plugin.clone())
    }

    /// Remembers that this plugin is to serve here, in the place of what the file says.
    pub fn put(&self, place: PolicyPlace, plugin: Plugin, over: PolicyInFile) {
        let bundled = plugin.origin.strip_prefix("bundled ").filter(|_| plugin.is_bundled());
        let entry = Entry {
            origin: plugin.origin.to_string(),
            bundled: bundled.map(str::to_owned),
            version: VersionId::of(&plugin.content).to_hex(),
            over,
            place,
        };
        let puts = &mut self.0.lock().puts;
        puts.retain(|put| put.entry.place != entry.place);
        puts.push(Put { entry, plugin });
    }

    /// Forgets what was put here: the file counts again.
    pub fn forget(&self, place: &PolicyPlace) {
        self.0.lock().puts.retain(|put| put.entry.place != *place);
    }

    /// Drops those whose places the file has changed, or removed: there, the file wins.
    pub fn follow(&self, in_file: impl Fn(&PolicyPlace) -> Option<PolicyInFile>) {
        let mut dropped = false;
        self.0.lock().puts.retain(|put| {
            let stays = in_file(&put.entry.place).as_ref() == Some(&put.entry.over);
            if !stays {
                let PolicyPlace { pool, route } = &put.entry.place;
                tracing::warn!(
                    event = "put-policy-dropped",
                    pool,
                    route,
                    "the configuration file has another policy than when an operator put one: the file wins"
                );
            }
            dropped |= !stays;
            stays
        });
        if dropped {
            self.keep();
        }
    }

    /// Writes them down, if there is a directory for them. Returns whether they outlive the process.
    pub fn keep(&self) -> bool {
        let overridden = self.0.lock();
        let Some((directory, _)) = overridden.directory.as_ref().filter(|(_, lock)| lock.is_held()) else {
            return false;
        };
        let kept = write(directory, &overridden.puts);
        if let Err(error) = &kept {
            let directory = directory.display();
            tracing::error!(
                event = "put-policies-write-failed", %directory, %error,
                "the policies that operators have put serve, but won't outlive this process"
            );
        }
        kept.is_ok()
    }
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
fn write(directory: &Path, puts: &[Put]) -> io::Result<()> {
    for Put { entry, plugin } in puts.iter().filter(|put| put.entry.bundled.is_none()) {
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
        Plugin { origin: "admin API".into(), content: content.to_vec().into() }
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
        puts.put(place(None), plugin(b"first"), in_file("least-conn"));
        puts.put(place(None), plugin(b"second"), in_file("least-conn"));
        let bundled = Plugin::bundled("ip-hash").expect("it is bundled");
        puts.put(place(Some("/v1/")), bundled.clone(), in_file("least-conn"));
        assert!(puts.keep());
        let puts = open();
        assert_eq!(content(&puts, None, "least-conn").as_deref(), Some(&b"second"[..]));
        assert_eq!(content(&puts, None, "ip-hash"), None, "the file has another one");
        let again = puts.plugin(&place(Some("/v1/")), &in_file("least-conn")).expect("it is kept");
        assert!(again.is_bundled() && again.content == bundled.content);
        puts.follow(|place| place.route.is_none().then(|| in_file("least-conn")));
        assert_eq!(content(&open(), Some("/v1/"), "least-conn"), None, "the route is gone");
        puts.forget(&place(None));
        assert!(puts.keep());
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the lock and the index");
        lock.release();
        assert!(!puts.keep(), "another proxy may have the directory now");
        assert!(!PolicyOverrides::default().keep());
    }

    #[test]
    fn what_is_broken_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StateLock::take(folder.path(), None).expect("it is free");
        let open = || PolicyOverrides::open(Some((folder.path(), lock.clone())));
        let is_kept = || open().plugin(&place(None), &in_file("a")).is_some();
        let puts = open();
        puts.put(place(None), plugin(b"good"), in_file("a"));
        assert!(puts.keep() && is_kept());
        let copy = folder.path().join(format!("put-{}.wasm", VersionId::of(b"good").to_hex()));
        std::fs::write(&copy, "evil").expect("a file");
        assert!(!is_kept());
        std::fs::remove_file(&copy).expect("it was there");
        assert!(!is_kept());
        std::fs::write(folder.path().join(INDEX), "[{").expect("half an index");
        assert!(!is_kept());
    }
}
