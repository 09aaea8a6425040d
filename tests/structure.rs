//! The structure as `host/ARCHITECTURE.md` states it, held against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = include_str!("../host/ARCHITECTURE.md");

/// Longest source file, lines.
const LONGEST: usize = 400;

/// File names that say nothing.
const MEANINGLESS: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder, with their contents, by their path from there.
fn sources(folder: &Path) -> Vec<(String, String)> {
    fn walk(folder: &Path, base: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, base, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(base).expect("below its folder").display().to_string();
                found.push((path, fs::read_to_string(&entry).expect("a source file")));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found
}

/// The modules of the code map, top to bottom.
fn layers() -> Vec<&'static str> {
    let table = ARCHITECTURE.split("## Code map").nth(1).expect("a code map");
    let table = table.split("###").next().expect("its end");
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// File names in the text, with `a/{b,c}.rs` written out.
fn named_files() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for quoted in ARCHITECTURE.split('`').skip(1).step_by(2).filter(|quoted| quoted.ends_with(".rs")) {
        match (quoted.split_once('{'), quoted.split_once('}')) {
            (Some((folder, _)), Some((_, ending))) => {
                let names = &quoted[folder.len() + 1..quoted.len() - ending.len() - 1];
                named.extend(names.split(',').map(|name| format!("{folder}{name}{ending}")));
            }
            _ => {
                named.insert(quoted.to_owned());
            }
        }
    }
    named
}

/// Lines before the unit tests of a file.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or_default()
}

#[test]
fn every_file_is_in_the_code_map() {
    let named = named_files();
    let missing: Vec<String> = sources(&root().join("host/src"))
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            let is_test = path.split(['/', '.']).any(|part| part == "tests" || part == "testing");
            let short = path.strip_prefix("policy/").unwrap_or(path);
            !is_test && path != "lib.rs" && !named.contains(path) && !named.contains(short)
        })
        .collect();
    assert!(missing.is_empty(), "not named in host/ARCHITECTURE.md: {missing:#?}");
}

#[test]
fn every_file_in_the_code_map_exists() {
    let there: Vec<String> = ["host", "plugin-sdk", "tests"]
        .into_iter()
        .flat_map(|folder| {
            sources(&root().join(folder)).into_iter().map(move |(path, _)| format!("/{folder}/{path}"))
        })
        .collect();
    let gone: Vec<String> = named_files()
        .into_iter()
        .filter(|name| !there.iter().any(|path| path.ends_with(&format!("/{name}"))))
        .collect();
    assert!(gone.is_empty(), "named in host/ARCHITECTURE.md but not there: {gone:#?}");
}

#[test]
fn imports_point_one_way() {
    let layers = layers();
    let place = |module: &str| layers.iter().position(|layer| *layer == module);
    let mut wrong = Vec::new();
    for (path, source) in sources(&root().join("host/src")) {
        let module = path.split(['/', '.']).next().unwrap_or_default();
        let Some(own) = place(module) else { continue };
        for (number, line) in without_tests(&source).lines().enumerate() {
            let Some(imported) = line.trim().strip_prefix("use crate::") else { continue };
            let imported = imported.split([':', ';', '{']).next().unwrap_or_default();
            if imported != module && place(imported).is_none_or(|place| place <= own) {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that don't point downwards: {wrong:#?}");
}

#[test]
fn each_package_has_one_owner() {
    let owners: [(&str, &[&str]); 7] = [
        ("wasmtime", &["policy"]),
        ("notify", &["control/watch"]),
        ("hickory_resolver", &["discovery"]),
        ("toml", &["config"]),
        ("anyhow", &["app", "cli", "demo", "main"]),
        ("axum", &["control/admin"]),
        ("clap", &["cli"]),
    ];
    let mut wrong = Vec::new();
    for (path, source) in sources(&root().join("host/src")) {
        for (package, folders) in owners {
            let owned = folders.iter().any(|folder| path.starts_with(folder));
            let uses = without_tests(&source)
                .lines()
                .any(|line| line.trim().starts_with(&format!("use {package}::")));
            if uses && !owned {
                wrong.push(format!("{path} uses {package}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_control_side_compiles_and_instantiates() {
    let owners: [(&str, &[&str]); 3] = [
        ("Module::", &["policy/admission.rs"]),
        (".instantiate(", &["policy/instance.rs"]),
        (
            "Instance::build(",
            &["policy/admission/rehearsal.rs", "policy/loader/keeper.rs", "policy/testing.rs"],
        ),
    ];
    for (path, source) in sources(&root().join("host/src")) {
        for (call, files) in owners {
            let calls = without_tests(&source).contains(call) && !path.ends_with("tests.rs");
            assert!(!calls || files.contains(&path.as_str()), "{path} has a call of `{call}`");
        }
    }
}

#[test]
fn files_are_small_and_named_for_what_they_hold() {
    for folder in ["host/src", "plugin-sdk/src", "plugins", "xtask/src", "xtask/measure/src", "tests"] {
        for (path, source) in sources(&root().join(folder)) {
            let lines = source.lines().count();
            assert!(lines <= LONGEST, "{folder}/{path} has {lines} lines: does it do two things?");
            let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
            assert!(!MEANINGLESS.contains(&name), "{folder}/{path}: name it for what it holds");
        }
    }
}
