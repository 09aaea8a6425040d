//! What the documents say of each other and of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::repository::{self, root};

/// Longest `host/ARCHITECTURE.md`, lines: what is read in one go.
const LONGEST_ARCHITECTURE: usize = 150;

/// Markdown files of the repository, by their path from its root.
pub(crate) fn documents() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if !name.to_string_lossy().starts_with('.') && name != "target" {
                    walk(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &mut found);
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        (name, fs::read_to_string(path).expect("a document"))
    };
    found.into_iter().map(named).collect()
}

/// Targets of the links that lead into the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// Paths in a text that name a function: `Type::function`, `module::function`.
fn named_functions(text: &str) -> BTreeSet<&str> {
    text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_' && sign != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|word| {
            word.rsplit_once("::").is_some_and(|(_, last)| last.starts_with(|c: char| c.is_ascii_lowercase()))
        })
        .collect()
}

/// All functions of the code, as `Type::function` or `module::function`, and modules, as `outer::inner`.
fn functions_and_modules() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (path, source) in repository::crates().iter().flat_map(|package| &package.files) {
        let module = path.trim_end_matches(".rs");
        known.insert(module.replace('/', "::"));
        let last = module.rsplit('/').next().unwrap_or_default();
        known.extend(source.functions.iter().map(|function| match function.name.contains("::") {
            true => function.name.clone(),
            false => format!("{last}::{}", function.name),
        }));
    }
    known
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (name, text) in documents() {
        let folder = root().join(&name);
        let folder = folder.parent().expect("a folder");
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !folder.join(file).exists() {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn functions_that_the_documents_name_exist() {
    let known = functions_and_modules();
    let mut gone = Vec::new();
    for (name, text) in documents().iter().filter(|(name, _)| {
        ["host/ARCHITECTURE.md", "host/docs/code-map.md", "host/docs/reload.md"].contains(&name.as_str())
    }) {
        gone.extend(
            named_functions(text)
                .into_iter()
                .filter(|path| !known.contains(*path))
                .map(|path| format!("{name}: {path}")),
        );
    }
    assert!(gone.is_empty(), "named but not there: {gone:#?}");
}

#[test]
fn the_architecture_is_read_in_one_go() {
    let documents = documents();
    let (_, architecture) =
        documents.iter().find(|(name, _)| name == "host/ARCHITECTURE.md").expect("the architecture");
    let lines = architecture.lines().count();
    assert!(lines <= LONGEST_ARCHITECTURE, "host/ARCHITECTURE.md has {lines} lines");
}

#[test]
fn each_decision_is_listed_once_and_complete() {
    let documents = documents();
    let (_, list) =
        documents.iter().find(|(name, _)| name == "host/docs/decisions.md").expect("the list of decisions");
    let mut numbers = Vec::new();
    for (name, text) in documents.iter().filter(|(name, _)| name.starts_with("host/docs/decisions/")) {
        let file = name.trim_start_matches("host/docs/decisions/");
        let number: usize =
            file.get(..4).and_then(|number| number.parse().ok()).expect("a number before the title");
        numbers.push(number);
        assert!(text.starts_with(&format!("# {number:04}. ")), "{name} begins with its number and title");
        for part in ["**Context.**", "**Decision.**", "**Consequences.**"] {
            assert!(text.contains(part), "{name} has no part {part}");
        }
        let link = format!("* [{number:04}](decisions/{file}) ");
        assert_eq!(
            list.matches(&link).count(),
            1,
            "host/docs/decisions.md: a line that begins with `{link}`"
        );
    }
    numbers.sort_unstable();
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert_eq!(numbers, expected, "decisions are numbered without gaps");
}

#[test]
fn links_and_functions_are_found_in_a_text() {
    assert_eq!(links("[a](b.md) [c](https://d) [e](f/g.md#h)"), ["b.md", "f/g.md#h"]);
    let functions = named_functions("`Gate::poll_read`, http::Uri, (proxy::handle): Framing::advance.");
    assert_eq!(
        functions.into_iter().collect::<Vec<_>>(),
        ["Framing::advance", "Gate::poll_read", "proxy::handle"]
    );
}
