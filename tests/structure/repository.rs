//! The repository's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::modules::{self, Crate, Dependencies};
use super::source::Source;

/// Crates that are held against the rules: their name for other crates, source folder, and root file.
const CRATES: [(&str, &str, &str); 26] = [
    ("pointsman_core", "host/core/src", "lib.rs"),
    ("pointsman_policy", "host/policy/src", "lib.rs"),
    ("pointsman_workshop", "host/workshop/src", "lib.rs"),
    ("pointsman", "host/src", "lib.rs"),
    ("main of pointsman", "host/src", "main.rs"),
    ("pointsman_sdk", "plugin-sdk/src", "lib.rs"),
    ("round_robin", "plugins/round-robin/src", "lib.rs"),
    ("least_conn", "plugins/least-conn/src", "lib.rs"),
    ("ip_hash", "plugins/ip-hash/src", "lib.rs"),
    ("peak_ewma", "plugins/peak-ewma/src", "lib.rs"),
    ("random", "plugins/random/src", "lib.rs"),
    ("ring_hash", "plugins/ring-hash/src", "lib.rs"),
    ("maglev", "plugins/maglev/src", "lib.rs"),
    ("first", "plugins/first/src", "lib.rs"),
    ("least_time", "plugins/least-time/src", "lib.rs"),
    ("priority", "plugins/priority/src", "lib.rs"),
    ("zone_aware", "plugins/zone-aware/src", "lib.rs"),
    ("aperture", "plugins/aperture/src", "lib.rs"),
    ("prequal", "plugins/prequal/src", "lib.rs"),
    ("policy_parts", "plugins/parts/src", "lib.rs"),
    ("room_affinity", "gallery/room-affinity/src", "lib.rs"),
    ("user_affinity", "gallery/user-affinity/src", "lib.rs"),
    ("document_affinity", "gallery/document-affinity/src", "lib.rs"),
    ("harness", "tests/harness/src", "lib.rs"),
    ("xtask", "xtask/src", "main.rs"),
    ("measure", "xtask/measure/src", "main.rs"),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder of the repository, with their contents, by their path from there.
pub(crate) fn texts(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, base: &Path, found: &mut Vec<(String, String)>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                if !entry.ends_with("target") {
                    walk(&entry, base, found);
                }
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(base).expect("below its folder").display().to_string();
                found.push((path, fs::read_to_string(&entry).expect("a source file")));
            }
        }
    }
    let folder = root().join(folder);
    let mut found = Vec::new();
    walk(&folder, &folder, &mut found);
    found
}

/// Files that hold nothing but tests, properties for fuzzing, or models for loom.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.split(['/', '.']).any(|part| ["tests", "testing", "fuzz", "fuzzing", "models"].contains(&part))
}

/// All crates without their tests, read once; those that aren't there are left out.
pub(crate) fn crates() -> &'static [Crate] {
    static CRATES_READ: LazyLock<Vec<Crate>> = LazyLock::new(|| {
        std::thread::scope(|scope| {
            let readers: Vec<_> = CRATES.iter().map(|package| scope.spawn(|| read(*package))).collect();
            readers.into_iter().filter_map(|reader| reader.join().expect("it reads")).collect()
        })
    });
    &CRATES_READ
}

/// What those crates' files use of each other.
pub(crate) fn dependencies() -> &'static Dependencies {
    static FOUND: LazyLock<Dependencies> = LazyLock::new(|| modules::dependencies(crates()));
    &FOUND
}

fn read((name, folder, root): (&str, &str, &str)) -> Option<Crate> {
    let is_binary_of_library = root == "main.rs" && self::root().join(folder).join("lib.rs").exists();
    let files: BTreeMap<String, Source> = texts(folder)
        .into_iter()
        .filter(|(path, _)| !is_test_file(path) && (!is_binary_of_library || path == root))
        .map(|(path, text)| (path.clone(), Source::parse(&path, &text)))
        .collect();
    (!files.is_empty()).then(|| Crate { name: name.into(), folder: folder.into(), root: root.into(), files })
}
