//! Every example of the README and of the pages in `host/docs/` is what it looks like.
//!
//! A block of code says by its language what is done with it: configurations are read, command lines parsed, queries given to promtool. A
//! language that isn't known here fails, so that no block stands there unseen.

mod commands;
mod configurations;
mod page;
mod queries;

use std::path::Path;

use pointsman_workshop::{scenario, spec};

use crate::regular_file;

use page::{Block, Page};

#[test]
fn every_block_of_the_pages_is_good() {
    let pages = Page::all();
    let mut faults = Vec::new();
    let mut checked = 0;
    for (page, block) in pages.iter().flat_map(|page| page.blocks.iter().map(move |block| (page, block))) {
        checked += 1;
        if let Err(fault) = check(page, block) {
            faults.push(format!("{}:{}: {fault}", page.name, block.line));
        }
    }
    assert!(faults.is_empty(), "examples that are wrong:\n{}", faults.join("\n"));
    assert!(checked > 50, "only {checked} examples");
}

fn check(page: &Page, block: &Block) -> Result<(), String> {
    match &*block.language {
        "toml" if block.text.starts_with("# Cargo.toml\n") => configurations::manifest(&block.text),
        "toml" if block.text.starts_with("# simulate.toml\n") => {
            // Which is the reader's own.
            let read = |path: &Path, most| match path.ends_with("access.log") {
                true => Ok(b"time_s,work_ms\n0,1\n1,1\n".to_vec()),
                false => regular_file::read(path, most),
            };
            let spec = spec::parse(&block.text, Path::new("simulate.toml"), Vec::new(), &read);
            spec.map(|_| ()).map_err(|fault| fault.to_string())
        }
        "toml" if block.text.starts_with("# scenario.toml\n") => {
            let scenario = scenario::parse(&block.text, Path::new("scenario.toml"));
            scenario.map(|_| ()).map_err(|fault| fault.to_string())
        }
        "toml" => configurations::check(&block.text),
        "sh" => commands::check(&block.text),
        "json" => json(&block.text),
        "promql" => queries::names(&block.text),
        "yaml" => match serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&block.text) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
        "rust" => compiled(&page.name),
        // What programs print, and configurations of others.
        "text" | "nginx" | "haproxy" => Ok(()),
        "" => Err("a block without a language: ```text is output".into()),
        other => Err(format!("nothing checks blocks of `{other}`")),
    }
}

/// One value, or one on each line.
fn json(text: &str) -> Result<(), String> {
    let mut values = 0;
    for value in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
        value.map_err(|error| error.to_string())?;
        values += 1;
    }
    if values == 0 { Err("no value".into()) } else { Ok(()) }
}

/// Rust is compiled as a documentation test: the guide of the SDK there, other pages in a library that isn't published.
fn compiled(page: &str) -> Result<(), String> {
    let (library, path, text) = match page.strip_prefix("plugin-sdk/") {
        Some(page) => {
            ("plugin-sdk/src/lib.rs", format!("../{page}"), include_str!("../../../plugin-sdk/src/lib.rs"))
        }
        None => {
            let path = page
                .strip_prefix("host/")
                .map_or_else(|| format!("../../../{page}"), |page| format!("../../{page}"));
            ("host/core/src/lib.rs", path, include_str!("../../core/src/lib.rs"))
        }
    };
    match text.contains(&format!("#[doc = include_str!(\"{path}\")]")) {
        true => Ok(()),
        false => Err(format!("{library} doesn't compile this page's examples")),
    }
}

/// What stands between backticks in a sentence.
#[test]
fn every_command_route_and_metric_that_is_named_exists() {
    let mut faults = Vec::new();
    let mut named = [0; 3];
    for page in Page::all() {
        for (line, span) in &page.spans {
            let result = if span.starts_with("pointsman ") {
                named[0] += 1;
                commands::mentioned(span)
            } else if let Some((method, path)) = span.split_once(" /api/v1/") {
                named[1] += 1;
                commands::route(method, &format!("/api/v1/{path}"))
            } else if queries::is_metric(span) {
                named[2] += 1;
                queries::names(span)
            } else {
                continue;
            };
            if let Err(fault) = result {
                faults.push(format!("{}:{line}: `{span}`: {fault}", page.name));
            }
        }
    }
    assert!(faults.is_empty(), "names of what isn't there:\n{}", faults.join("\n"));
    assert!(named.iter().zip([20, 3, 50]).all(|(found, least)| *found >= least), "{named:?}");
}

#[test]
fn what_is_wrong_in_a_page_is_found() {
    let text = "# A\n\n```toml\nworkers = 0\n```\n\n* `pointsman ctl`\n  and\n\n  ```sh\n  pointsman fly\n  ```\n`` a`b ``\n```\n```\n";
    let page = Page::read("host/docs/a.md", text);
    let found: Vec<_> =
        page.blocks.iter().map(|block| (block.line, &*block.language, &*block.text)).collect();
    assert_eq!(found, [(3, "toml", "workers = 0\n"), (10, "sh", "pointsman fly\n"), (14, "", "")]);
    assert_eq!(page.spans, [(7, "pointsman ctl".to_owned()), (13, "a`b".to_owned())]);
    assert!(page.blocks.iter().all(|block| check(&page, block).is_err()));
    let good = Block { line: 1, language: "cobol".into(), text: String::new() };
    assert_eq!(check(&page, &good).unwrap_err(), "nothing checks blocks of `cobol`");
    for (language, text) in [
        ("json", ""),
        ("json", "{"),
        ("yaml", "a: ["),
        ("promql", "rate(pointsman_pool_request_total[1m])"),
        ("rust", ""),
        ("toml", "# Cargo.toml\n[package]\n"),
        ("toml", "[pool.a]\nbackends = ['10.0.0.1:80']\npolicy = 'magic'\n"),
        ("sh", "pointsman ctl swap web"),
        ("sh", "cargo xtask fly"),
        ("sh", "rm -rf target"),
        ("sh", "curl http://127.0.0.1:9901/api/v1/pool/web"),
        ("sh", "curl -X PUT http://127.0.0.1:9901/api/v1/overview"),
        ("sh", "curl -d '{' http://127.0.0.1:9901/live"),
        ("sh", "echo 'open"),
    ] {
        let block = Block { line: 1, language: language.into(), text: text.into() };
        assert!(check(&page, &block).is_err(), "{language}: {text}");
    }
}
