//! A page of Markdown, as far as its examples go.

use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A block of code.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Where it begins.
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) text: String,
}

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path from the root of the repository.
    pub(super) name: String,
    pub(super) blocks: Vec<Block>,
    /// What stands between backticks outside of blocks, with its line.
    pub(super) spans: Vec<(usize, String)>,
}

impl Page {
    /// The READMEs and the pages in `host/docs/`.
    pub(super) fn all() -> Vec<Self> {
        let in_folder = |folder: &'static str| {
            let entries = fs::read_dir(Path::new(ROOT).join(folder)).expect("the folder");
            let names =
                entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
            names.filter(|name| name.ends_with(".md")).map(move |name| format!("{folder}/{name}"))
        };
        let mut names: Vec<String> = in_folder("host/docs").chain(in_folder("host/docs/cookbook")).collect();
        names.extend(["README.md", "plugin-sdk/README.md"].map(String::from));
        names.sort();
        let read = |name: &String| {
            Self::read(name, &fs::read_to_string(Path::new(ROOT).join(name)).expect("a page"))
        };
        names.iter().map(read).collect()
    }

    pub(super) fn read(name: &str, text: &str) -> Self {
        let mut page = Self { name: name.into(), blocks: Vec::new(), spans: Vec::new() };
        let mut open: Option<(Block, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let indentation = line.len() - line.trim_start().len();
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => page.blocks.extend(open.take().map(|(block, _)| block)),
                (Some(language), None) => {
                    let block = Block { line: number, language: language.trim().into(), text: String::new() };
                    open = Some((block, indentation));
                }
                (None, Some((block, indentation))) => {
                    block.text.push_str(line.get(*indentation..).unwrap_or_default());
                    block.text.push('\n');
                }
                (None, None) => {
                    page.spans.extend(spans(line).into_iter().map(|span| (number, span.to_owned())))
                }
            }
        }
        assert!(open.is_none(), "{name}: a block has no end");
        page
    }
}

/// What stands between backticks in a line: as many of them at its end as at its beginning.
fn spans(mut line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some(start) = line.find('`') {
        let rest = &line[start..];
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        let rest = &rest[ticks..];
        let Some(end) = rest.find(&"`".repeat(ticks)) else { break };
        found.push(rest[..end].trim());
        line = &rest[end + ticks..];
    }
    found
}
