//! What the documents say of each other and of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::repository::{self, root};

/// Longest `host/ARCHITECTURE.md` and `README.md`, lines: what is read in one go.
const LONGEST: [(&str, usize); 2] = [("host/ARCHITECTURE.md", 150), ("README.md", 150)];

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

/// A text without its blocks of code, in which `#` and `](` mean something else.
fn without_code(text: &str) -> String {
    let mut is_code = false;
    let mut kept = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// What the headings of a document are linked by, as GitHub makes it of them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor = |heading: &str| {
        let kept =
            heading.trim().chars().filter(|sign| sign.is_alphanumeric() || [' ', '-', '_'].contains(sign));
        kept.map(|sign| if sign == ' ' { '-' } else { sign.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (name, text) in documents() {
        let text = without_code(&text);
        let document = root().join(&name);
        let folder = document.parent().expect("a folder");
        for target in links(&text) {
            let (file, anchor) =
                target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let file = if file.is_empty() { document.clone() } else { folder.join(file) };
            let is_there = match anchor {
                None => file.exists(),
                Some(anchor) => {
                    fs::read_to_string(&file).is_ok_and(|text| anchors(&without_code(&text)).contains(anchor))
                }
            };
            if !is_there {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

/// The table of contents has each page of `host/docs/` once.
#[test]
fn each_page_is_in_the_summary() {
    let folder = root().join("host/docs");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).expect("the summary");
    let mut pages = 0;
    let names = |folder: PathBuf, before: &'static str| {
        let entries = fs::read_dir(folder).expect("the folder");
        entries.map(move |entry| {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            format!("{before}{name}")
        })
    };
    for name in names(folder.clone(), "").chain(names(folder.join("cookbook"), "cookbook/")) {
        if name.ends_with(".md") && name != "SUMMARY.md" {
            pages += 1;
            assert_eq!(
                summary.matches(&format!("]({name})")).count(),
                1,
                "host/docs/SUMMARY.md has {name} once"
            );
        }
    }
    assert!(pages > 20, "only {pages} pages");
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
fn front_doors_are_read_in_one_go() {
    for (name, longest) in LONGEST {
        let lines = fs::read_to_string(root().join(name)).expect("a document").lines().count();
        assert!(lines <= longest, "{name} has {lines} lines, and may have {longest}");
    }
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
fn debians_package_has_every_folder_of_documents() {
    let manifest = fs::read_to_string(root().join("host/Cargo.toml")).expect("the manifest");
    let mut folders = vec!["docs/".to_owned()];
    while let Some(folder) = folders.pop() {
        let to = format!("\"usr/share/doc/pointsman/{folder}\"");
        let is_packed = |line: &str| line.contains(&format!("[\"{folder}*.")) && line.contains(&to);
        assert!(manifest.lines().any(is_packed), "{folder} isn't among the assets in host/Cargo.toml");
        let entries = fs::read_dir(root().join("host").join(&folder)).expect("the documents").flatten();
        let within = entries.filter(|entry| entry.path().is_dir());
        folders.extend(within.map(|entry| format!("{folder}{}/", entry.file_name().display())));
    }
}

#[test]
fn links_and_functions_are_found_in_a_text() {
    assert_eq!(links("[a](b.md) [c](https://d) [e](f/g.md#h)"), ["b.md", "f/g.md#h"]);
    let functions = named_functions("`Gate::poll_read`, http::Uri, (proxy::handle): Framing::advance.");
    assert_eq!(
        functions.into_iter().collect::<Vec<_>>(),
        ["Framing::advance", "Gate::poll_read", "proxy::handle"]
    );
    let text = "# A page\n```sh\n# not a heading\n```\n## `x-y`: what, and why?\n";
    assert_eq!(anchors(&without_code(text)).into_iter().collect::<Vec<_>>(), ["a-page", "x-y-what-and-why"]);
}
