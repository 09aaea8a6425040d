//! Whether sources have changed.
//!
//! By looking at them: a policy's folder has a few files, editors save in many ways, and what a build writes among them must not
//! start the next one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::PolicyFolder;

/// Folders that hold nothing of the author's.
const NOT_OURS: [&str; 5] = ["target", "build", "vendor", "node_modules", "cache"];

/// Most files that are looked at.
const MOST: usize = 10_000;

/// When each file was written, and how long it is.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The files of a folder that a build depends on.
pub(super) struct Sources {
    folder: PathBuf,
    plugin: PathBuf,
    seen: Seen,
}

impl Sources {
    /// As they are now.
    pub(super) fn of(folder: &PolicyFolder) -> Self {
        let (path, plugin) = (folder.path().to_owned(), folder.path().join(&folder.plugin));
        let mut sources = Self { folder: path, plugin, seen: Seen::new() };
        sources.have_changed();
        sources
    }

    /// Whether they have changed since this was last asked.
    pub(super) fn have_changed(&mut self) -> bool {
        let seen = self.look();
        let changed = seen != self.seen;
        self.seen = seen;
        changed
    }

    /// A build has ended: files that it has made don't count as changes, but for those that were there before and were saved meanwhile.
    pub(super) fn forget_made(&mut self) {
        let now = self.look();
        for (path, state) in now {
            self.seen.entry(path).or_insert(state);
        }
    }

    fn look(&self) -> Seen {
        let mut seen = Seen::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let name = name.to_string_lossy();
                let Ok(metadata) = fs::metadata(&path) else { continue };
                let is_hidden = name.starts_with('.') || name.ends_with('~');
                if metadata.is_dir() && !is_hidden && !NOT_OURS.contains(&&*name) {
                    folders.push(path);
                } else if metadata.is_file() && !is_hidden && path != self.plugin && !is_made(&path) {
                    seen.insert(path, (metadata.modified().ok(), metadata.len()));
                }
                if seen.len() >= MOST {
                    return seen;
                }
            }
        }
        seen
    }
}

/// Whether a file is what compilers make.
fn is_made(path: &Path) -> bool {
    let made = ["wasm", "o", "wat", "lock", "sum"];
    path.extension().is_some_and(|extension| made.iter().any(|kind| extension == *kind))
        || path.file_name().is_some_and(|name| name == "package-lock.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_saves_is_a_change_and_what_a_build_makes_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("pointsman.toml", "[pool.web]\npolicy = { file = \"out.wasm\" }");
        write("policy.c", "1");
        let opened = PolicyFolder::open(folder.path(), None, None, None).unwrap();
        let mut sources = Sources::of(&opened);
        assert!(!sources.have_changed());
        for (name, changes) in [
            ("policy.c", true),
            ("tests/new.toml", true),
            ("out.wasm", false),
            ("target/x.rs", false),
            ("build/x.c", false),
            (".policy.c.swp", false),
            ("policy.c~", false),
        ] {
            write(name, "longer than before");
            assert_eq!(sources.have_changed(), changes, "{name}");
        }
        // While it builds: a file that wasn't there is the build's, one that was is the author's.
        write("made.c", "x");
        sources.forget_made();
        assert!(!sources.have_changed());
        write("policy.c", "saved while it was built");
        sources.forget_made();
        assert!(sources.have_changed());
        fs::remove_file(folder.path().join("made.c")).unwrap();
        assert!(sources.have_changed());
    }
}
