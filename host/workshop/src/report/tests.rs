//! Reports of a policy that does well, and of one that does about everything wrong.

use std::path::Path;

use pointsman_policy::Plugin;

use super::*;

fn report(plugin: Plugin, options: &ReportOptions) -> Report {
    let loaded = Loaded::new("<mine>", plugin, "{}");
    make(&loaded, &ReportOptions { quick: true, ..options.clone() }, &mut |_| true).unwrap()
}

fn with_verdict(report: &Report, verdict: Verdict) -> Vec<&'static str> {
    let lines = report.sections.iter().flat_map(|section| &section.lines);
    lines.filter(|line| line.verdict == verdict).map(|line| line.id).collect()
}

#[test]
fn two_choices_do_well() {
    let found = report(Plugin::bundled("random").unwrap(), &ReportOptions::default());
    assert_eq!(with_verdict(&found, Verdict::Fail), [""; 0], "{}", found.table());
    assert_eq!(with_verdict(&found, Verdict::NotApplicable), ["leave", "return", "join", "agreement"]);
    let ids: Vec<&str> =
        found.sections.iter().flat_map(|section| &section.lines).map(|line| line.id).collect();
    assert_eq!(ids, line::IDS, "all that can be allowed, and in this order");
    let lines = found.sections.iter().flat_map(|section| &section.lines);
    let is_without = |line: &&Line| line.value.is_none() && line.verdict != Verdict::NotApplicable;
    assert_eq!(lines.filter(is_without).map(|line| line.id).collect::<Vec<_>>(), ["determinism"]);
    let page = found.page();
    assert!(page.contains("<title>&lt;mine&gt;: ") && !page.contains("<mine>"), "names are text");
    assert_eq!(page.matches("<svg ").count(), 7, "a chart of each section that has one");
    assert!(
        page.len() < 200_000 && !page.contains("<script") && !page.contains("NaN"),
        "{} bytes",
        page.len()
    );
}

/// Sends everything to the first backend that is left, and takes 64 KiB more every 512th pick.
const WRONG: &str = r#"(module
    (import "pointsman_1.0" "tried" (func $tried (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $picks (mut i32) (i32.const 0))
    (func (export "pointsman_init") (result i32) (i32.const 0))
    (func (export "pointsman_pick") (result i64)
        (global.set $picks (i32.add (global.get $picks) (i32.const 1)))
        (if (i32.eqz (i32.rem_u (global.get $picks) (i32.const 512)))
            (then (drop (memory.grow (i32.const 1)))))
        (select (i64.const 0x1_0000_0000) (i64.const 0) (call $tried (i32.const 0)))))"#;

#[test]
fn what_is_wrong_is_found() {
    let plugin = Plugin::file(Path::new("wrong.wasm"), wat::parse_str(WRONG).unwrap());
    let allowed = vec!["fair-weights".to_owned()];
    let found = report(plugin, &ReportOptions { allowed, ..ReportOptions::default() });
    let failed = with_verdict(&found, Verdict::Fail);
    for id in ["fair-shares", "starvation", "proxies", "memory"] {
        assert!(failed.contains(&id), "{id}:\n{}", found.table());
    }
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(with_verdict(&found, Verdict::Allowed), ["fair-weights"]);
}

#[test]
fn a_policy_that_rejects_does_not_look_fast() {
    // Nine of ten requests.
    let rejecting = r#"(module
        (memory (export "memory") 1)
        (global $picks (mut i32) (i32.const 0))
        (func (export "pointsman_init") (result i32) (i32.const 0))
        (func (export "pointsman_pick") (result i64)
            (global.set $picks (i32.add (global.get $picks) (i32.const 1)))
            (select (i64.const 0x1_0000_0000) (i64.const 0x2_0000_01f7)
                (i32.eqz (i32.rem_u (global.get $picks) (i32.const 10))))))"#;
    let plugin = Plugin::file(Path::new("rejecting.wasm"), wat::parse_str(rejecting).unwrap());
    let found = report(plugin, &ReportOptions { quick: true, ..ReportOptions::default() });
    assert!(with_verdict(&found, Verdict::Fail).contains(&"rejects"), "{}", found.table());
}

#[test]
fn only_lines_that_exist_can_be_allowed() {
    let loaded = Loaded::new("", Plugin::bundled("random").unwrap(), "");
    let options = ReportOptions { allowed: vec!["fairness".to_owned()], ..ReportOptions::default() };
    let error = make(&loaded, &options, &mut |_| true).unwrap_err().to_string();
    assert!(
        error.starts_with("no line of a report is called \"fairness\"; there are fair-shares, "),
        "{error}"
    );
}
