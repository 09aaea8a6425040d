//! What new folders hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::*;

fn plan(name: &str, language: Language, like: Like) -> Plan {
    Plan { name: name.parse().expect("a name"), language, like }
}

fn all() -> impl Iterator<Item = Plan> {
    Language::ALL.into_iter().flat_map(|language| Like::ALL.map(|like| plan("my-policy", language, like)))
}

#[test]
fn every_folder_has_what_its_commands_name() {
    for plan in all() {
        let files = plan.files();
        let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths.len(), files.len(), "{plan:?}: a file is there twice");
        let kit = plan.kit();
        for path in
            ["README.md", "pointsman.toml", "simulate.toml", ".gitignore", "tests/picks.toml", &kit.source]
        {
            assert!(paths.contains(path), "{plan:?}: {path}");
        }
        let own = files.iter().filter(|file| !file.path.starts_with("vendor/"));
        for file in own {
            let text = str::from_utf8(&file.content).expect("a text");
            let place = text.find("{{").filter(|place| !text[..*place].ends_with('$'));
            assert_eq!(place, None, "{plan:?}: {} has a placeholder left", file.path);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{plan:?}: the end of {}", file.path);
        }
        let read_me = files.iter().find(|file| file.path == "README.md").expect("a read-me file");
        let read_me = str::from_utf8(&read_me.content).expect("a text");
        for command in [
            kit.build.clone(),
            format!("pointsman policy test {}", kit.plugin),
            format!("pointsman policy check {}", kit.plugin),
            "pointsman run".into(),
            format!("pointsman ctl swap web {}", kit.plugin),
        ] {
            assert!(read_me.contains(&format!("| `{command}` |")), "{plan:?}: {command}\n{read_me}");
        }
    }
}

#[test]
fn scenarios_and_simulations_are_read() {
    for plan in all() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("my-policy");
        write(&folder, &plan.files()).expect("a new folder");
        let read = |path: &Path, _: usize| fs::read(path);
        crate::scenario::load(&folder.join("tests/picks.toml"), &read).expect("a scenario");
        // The plugin is there when it is built.
        let plugin = folder.join(plan.kit().plugin);
        fs::create_dir_all(plugin.parent().expect("a folder")).expect("a folder");
        fs::write(plugin, b"\0asm\x01\0\0\0").expect("a file");
        let given = Vec::new();
        crate::spec::load(&folder.join("simulate.toml"), given, &read).expect("a spec");
    }
}

#[test]
fn a_folder_that_is_there_stays_as_it_is() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("p");
    fs::write(&folder, "mine").expect("a file");
    let files = [File::new("a/b", "text")];
    assert!(matches!(write(&folder, &files), Err(WriteError::Exists(_))));
    assert_eq!(fs::read_to_string(&folder).expect("a file"), "mine");
    fs::remove_file(&folder).expect("a file");
    write(&folder, &files).expect("a new folder");
    assert_eq!(fs::read_to_string(folder.join("a/b")).expect("a file"), "text");
    // A file where a folder has to be: nothing is left.
    let other = parent.path().join("q");
    assert!(matches!(
        write(&other, &[File::new("a", "text"), File::new("a/b", "text")]),
        Err(WriteError::Io { .. })
    ));
    assert!(!other.exists());
    assert!(matches!(write(&parent.path().join("no/p"), &files), Err(WriteError::Io { .. })));
}

#[test]
fn names_are_those_of_packages() {
    for good in ["a", "my-policy", "p2c", "a-1-b", &"a".repeat(64)] {
        assert_eq!(good.parse::<Name>().map(|name| name.as_str().to_owned()), Ok(good.to_owned()));
    }
    for bad in
        ["", "A", "my_policy", "-a", "a-", "a--b", "1a", "a.b", "../a", "a/b", "ä", "a b", &"a".repeat(65)]
    {
        assert_eq!(bad.parse::<Name>(), Err(NameError::Form), "{bad}");
    }
    for taken in ["fn", "async", "test", "core", "proc-macro", "build", "deps"] {
        assert_eq!(taken.parse::<Name>(), Err(NameError::Taken), "{taken}");
    }
    for dependency in ["syn", "serde-derive", "serde", "pointsman-sdk"] {
        assert_eq!(dependency.parse::<Name>(), Err(NameError::Dependency), "{dependency}");
    }
    assert_eq!("my-policy".parse::<Name>().map(|name| name.crate_name()), Ok("my_policy".into()));
}

#[test]
fn what_does_not_exist_is_told_with_what_does() {
    let error = "cobol".parse::<Language>().expect_err("no template");
    assert!(error.starts_with("there is no template for `cobol`; there are: rust"), "{error}");
    assert_eq!("c++".parse::<Language>(), Ok(Language::Cpp));
    let error = "best".parse::<Like>().expect_err("no template");
    assert_eq!(error, "there is no template like `best`; there are: round-robin, p2c, hash");
}

/// The packages of a lock file by their names; of several versions the last.
fn packages(lock: &str) -> BTreeMap<&str, &str> {
    lock.split("[[package]]\n")
        .skip(1)
        .filter_map(|package| Some((package.strip_prefix("name = \"")?.split('"').next()?, package.trim())))
        .collect()
}

fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

const ANEW: &str = "run `cargo xtask vendor`, which packs them anew";

#[test]
fn the_archive_has_what_the_lock_file_says() {
    let workspace = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"))
        .expect("the lock file of the workspace");
    let (kept, all) = (packages(embedded::LOCK), packages(&workspace));
    // What the SDK needs, and what that needs.
    let (mut needed, mut open) = (BTreeSet::new(), vec!["pointsman-sdk"]);
    while let Some(name) = open.pop() {
        let dependencies = all[name].lines().filter_map(|line| line.trim().strip_prefix('"'));
        for dependency in dependencies.filter_map(|line| line.split(['"', ' ']).next()) {
            if needed.insert(dependency) {
                open.push(dependency);
            }
        }
    }
    assert_eq!(kept.keys().copied().collect::<BTreeSet<_>>(), needed, "{ANEW}");

    let files = embedded::crates();
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path}: {ANEW}"));
        str::from_utf8(&file.content).expect("a text")
    };
    for (name, package) in kept {
        let version = field(package, "version").expect("a version");
        let checksum = field(package, "checksum").expect("a checksum");
        let found = workspace.split("[[package]]\n").any(|other| {
            field(other, "name") == Some(name)
                && field(other, "version") == Some(version)
                && field(other, "checksum") == Some(checksum)
        });
        assert!(found, "{name} {version} isn't in Cargo.lock: {ANEW}");
        let folder = format!("vendor/crates/{name}");
        let sums = text(&format!("{folder}/.cargo-checksum.json"));
        assert!(sums.ends_with(&format!("\"package\":\"{checksum}\"}}")), "{name}: {ANEW}");
        assert!(
            text(&format!("{folder}/Cargo.toml")).contains(&format!("\nversion = \"{version}\"\n")),
            "{name}: {ANEW}"
        );
        // They are given to others with their licences.
        let licences = files.iter().filter(|file| file.path.starts_with(&format!("{folder}/LICENSE")));
        assert!(licences.count() >= 1, "{name} has no licence");
    }
}

#[test]
fn the_archive_is_small_and_holds_together() {
    let packed = include_bytes!("../../crates/crates.tar.zst");
    assert!(packed.len() <= 700 << 10, "{} bytes", packed.len());
    assert!(archive::unpack(&packed[..packed.len() - 1]).is_none());
    assert!(archive::unpack(b"no archive").is_none());
    let unsafe_path = |file: &File| file.path.split('/').any(|part| part == ".." || part.is_empty());
    assert!(!embedded::crates().iter().any(unsafe_path));
}
