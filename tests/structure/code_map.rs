//! `host/docs/code-map.md`: every file is named there, and modules import in its order.

use std::collections::BTreeSet;

use super::documents::documents;
use super::modules::Dependency;
use super::repository::{self, is_test_file};

const CODE_MAP: &str = include_str!("../../host/docs/code-map.md");

/// The modules of the table, top to bottom.
fn modules() -> Vec<&'static str> {
    let table = CODE_MAP.split("## ").nth(1).expect("a table of modules");
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// File names in a text, with `a/{b,c}.rs` written out.
fn named_files(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for quoted in text.split('`').skip(1).step_by(2).filter(|quoted| quoted.ends_with(".rs")) {
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

/// The module that a file of the host belongs to: `pool` for `host/core/src/pool/queue.rs`. The crates `policy` and `workshop` are a module each.
fn module_of(path: &str) -> Option<&str> {
    let path = path.strip_prefix("host/")?;
    if let Some(module) =
        ["policy", "workshop"].into_iter().find(|name| path.starts_with(&format!("{name}/")))
    {
        return Some(module);
    }
    path.strip_prefix("core/").unwrap_or(path).strip_prefix("src/")?.split(['/', '.']).next()
}

/// Whether something in the module `from` may use something in the module `to`.
fn points_down(modules: &[&str], from: &str, to: &str) -> bool {
    let place = |module: &str| modules.iter().position(|other| *other == module);
    match (place(from), place(to)) {
        (Some(from), Some(to)) => from <= to,
        // The root of a crate holds everything.
        _ => from == "lib",
    }
}

/// Imports that don't point downwards.
fn upwards(modules: &[&str], dependencies: &super::modules::Dependencies) -> Vec<String> {
    let is_wrong = |dependency: &&Dependency, to: Option<&str>| match (module_of(&dependency.from), to) {
        (Some(from), Some(to)) => !points_down(modules, from, to),
        _ => false,
    };
    let resolved = dependencies.list.iter().filter(|found| is_wrong(found, module_of(&found.to)));
    let written = dependencies.written.iter().filter(|found| {
        let is_module = modules.contains(&found.to.as_str());
        is_wrong(found, is_module.then_some(found.to.as_str()))
    });
    resolved.chain(written).map(|found| format!("{}:{} uses {}", found.from, found.line, found.to)).collect()
}

#[test]
fn every_file_is_in_the_code_map() {
    let named = named_files(CODE_MAP);
    let mut missing = Vec::new();
    for (folder, short) in [
        ("host/src", ""),
        ("host/core/src", "core/src/"),
        ("host/policy/src", "policy/src/"),
        ("host/workshop/src", "workshop/src/"),
    ] {
        for (path, _) in repository::texts(folder) {
            let names = [path.clone(), format!("{short}{path}"), path.replacen("policy/", "", 1)];
            if !is_test_file(&path) && path != "lib.rs" && !names.iter().any(|name| named.contains(name)) {
                missing.push(format!("{folder}/{path}"));
            }
        }
    }
    assert!(missing.is_empty(), "not named in host/docs/code-map.md: {missing:#?}");
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let there: Vec<String> = ["host", "plugin-sdk", "tests", "xtask", "fuzz"]
        .into_iter()
        .flat_map(|folder| {
            repository::texts(folder).into_iter().map(move |(path, _)| format!("/{folder}/{path}"))
        })
        .collect();
    for (document, text) in documents().into_iter().filter(|(name, _)| name.starts_with("host/")) {
        let gone: Vec<String> = named_files(&text)
            .into_iter()
            .filter(|name| !there.iter().any(|path| path.ends_with(&format!("/{name}"))))
            .collect();
        assert!(gone.is_empty(), "named in {document} but not there: {gone:#?}");
    }
}

#[test]
fn imports_point_one_way() {
    let wrong = upwards(&modules(), repository::dependencies());
    assert!(wrong.is_empty(), "imports that don't point downwards in host/docs/code-map.md: {wrong:#?}");
}

#[test]
fn every_path_is_understood() {
    let unknown = &repository::dependencies().unknown;
    assert!(unknown.is_empty(), "tests/structure/modules.rs can't follow these: {unknown:#?}");
}

#[test]
fn a_module_may_use_itself_and_what_is_below() {
    let modules = ["app", "pool", "backend"];
    assert!(points_down(&modules, "app", "backend"));
    assert!(points_down(&modules, "pool", "pool"));
    assert!(!points_down(&modules, "backend", "pool"));
    assert!(!points_down(&modules, "pool", "unheard_of"));
    assert!(points_down(&modules, "lib", "app"));
}

#[test]
fn a_file_belongs_to_a_module() {
    assert_eq!(module_of("host/src/pool/queue.rs"), Some("pool"));
    assert_eq!(module_of("host/src/pool.rs"), Some("pool"));
    assert_eq!(module_of("host/core/src/pool/queue.rs"), Some("pool"));
    assert_eq!(module_of("host/policy/src/slot.rs"), Some("policy"));
    assert_eq!(module_of("plugin-sdk/src/abi.rs"), None);
}
