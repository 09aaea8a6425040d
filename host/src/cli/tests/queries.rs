//! Queries of Prometheus, and the names of metrics.

use std::process::Command;

use super::page::Page;

/// The families are held against the code by the tests of `metrics`.
const METRICS: &str = include_str!("../../../docs/metrics.md");

/// Whether a text is nothing but the name of a metric.
pub(super) fn is_metric(text: &str) -> bool {
    text.starts_with("pointsman_") && words(text).next() == Some(text)
}

/// Every metric of this proxy that is named is exported.
pub(super) fn names(text: &str) -> Result<(), String> {
    for name in words(text).filter(|word| word.starts_with("pointsman_")) {
        let row = |family: &str, kind: &str| METRICS.contains(&format!("\n| `{family}` | {kind}"));
        let parts = ["_bucket", "_sum", "_count"];
        let is_part = |part: &str| name.strip_suffix(part).is_some_and(|family| row(family, "histogram |"));
        if !row(name, "") && !parts.into_iter().any(is_part) {
            return Err(format!("there is no metric {name}"));
        }
    }
    Ok(())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

/// The page for operators says of each alert where to look first.
#[test]
fn every_alert_has_its_row() {
    let page = include_str!("../../../docs/operating.md");
    let rules = include_str!("../../../../config/prometheus/alerts.yml");
    let mut alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `Pointsman")?.split('`').next());
    let mut rows: Vec<_> = rows.map(|name| format!("Pointsman{name}")).collect();
    alerts.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, alerts);
}

/// The queries of a block: one on each line that isn't a comment.
fn queries(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// promtool, as the reader of Prometheus, takes every query. Skipped where it isn't installed.
#[test]
fn promtool_reads_every_query() {
    let pages = Page::all();
    let blocks = pages.iter().flat_map(|page| &page.blocks).filter(|block| block.language == "promql");
    let queries: Vec<&str> = blocks.flat_map(|block| queries(&block.text)).collect();
    assert!(queries.len() >= 5, "{queries:?}");
    let rules: Vec<_> =
        queries.iter().map(|query| serde_json::json!({ "record": "example", "expr": query })).collect();
    let text = serde_json::json!({ "groups": [{ "name": "examples", "rules": rules }] }).to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, text).expect("written");
    let output = match Command::new("promtool").args(["check", "rules", "--lint=none"]).arg(&file).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: promtool isn't installed");
            return;
        }
        Err(error) => panic!("promtool: {error}"),
    };
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains(&format!("{} rules found", queries.len())), "{said}");
}
