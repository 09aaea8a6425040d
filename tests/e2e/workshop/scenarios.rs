//! `pointsman policy test`, `policy bench` and `policy report`: what a person gets.

use serde_json::Value;

use super::{folder, plugin, pointsman};

const GOOD: &str = "name = \"the heavier gets more\"\npool = { backends = [{ name = \"a\" }, { name = \"b\", weight = 3 }] }\n\
    [[step]]\nrequest = { repeat = 400 }\nshare = { a = 0.25, b = 0.75 }\n";

const BAD: &str = "pool = { count = 2 }\n[[step]]\nrequest = {}\nreject = 503\n";

#[test]
fn scenarios_pass_or_say_where_they_fail() {
    let folder = folder(&[("1.toml", GOOD.as_bytes()), ("2.toml", BAD.as_bytes())]);
    let path = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let (code, said, told) = pointsman(&["policy", "test", "round-robin", &path("1.toml")]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("round-robin  sha256 "), "{said}");
    assert_eq!(lines[1..], ["ok    the heavier gets more (1 steps)", "1 passed, 0 failed"]);

    let (code, said, told) =
        pointsman(&["policy", "test", "round-robin", folder.path().to_str().expect("a name")]);
    assert_eq!((code, told.as_str()), (Some(1), ""));
    let end = said.split_once("FAIL  2\n").expect("one fails").1;
    let place =
        format!("  {}, line 2, step 1: request GET /\n  expected  reject 503\n  found     b", path("2.toml"));
    assert!(end.starts_with(&place) && end.ends_with("\n1 passed, 1 failed\n"), "{said}");
}

#[test]
fn what_a_plugin_says_stands_beside_the_step_that_failed() {
    let says = plugin(
        "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
         (if (i32.eq (i32.rem_u (i32.load (i32.const 0)) (i32.const 3000)) (i32.const 0)) (then
            (i32.store (i32.const 64) (i32.const 0x706c6568))
            (call $log (i32.const 2) (i32.const 64) (i32.const 4)) unreachable))
         (i64.const 0x1_0000_0000)",
    );
    let many = "pool = { count = 2 }\n[[step]]\nrequest = { repeat = 3000 }\nabstain = true\n";
    let folder = folder(&[("x.wasm", &says), ("many.toml", many.as_bytes())]);
    let path = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let (code, said, _) = pointsman(&["policy", "test", &path("x.wasm"), &path("many.toml")]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("policy says: help") && said.contains("policy fault: trap in `pick`"), "{said}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = folder(&[("bad.toml", b"pool = { count = 0 }")]);
    let (bad, empty) = (folder.path().join("bad.toml"), tempfile::tempdir().expect("a folder"));
    for (scenario, told) in [
        (bad.as_path(), ":1: pool: a pool has either"),
        (empty.path(), ": there is no scenario in it"),
        (std::path::Path::new("/nowhere.toml"), ": cannot read it: No such file"),
    ] {
        let scenario = scenario.to_str().expect("a name");
        let (code, said, complaint) = pointsman(&["policy", "test", "round-robin", scenario]);
        assert_eq!((code, said.as_str()), (Some(2), ""));
        assert!(complaint.starts_with(&format!("{scenario}{told}")), "{complaint}");
    }
    let (code, _, complaint) = pointsman(&["policy", "test", "/nowhere.wasm"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("cannot read the plugin /nowhere.wasm: No such file"), "{complaint}");
    let (code, _, complaint) = pointsman(&["policy", "test", "round-robbin"]);
    assert_eq!(code, Some(2));
    assert!(
        complaint.contains("no policy \"round-robbin\" is bundled, and there is no such file"),
        "{complaint}"
    );
}

#[test]
fn a_benchmark_of_a_policy_that_fails_says_so() {
    // Not before its trial is over.
    let later = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (if (i32.gt_u (i32.load (i32.const 0)) (i32.const 6000)) (then (unreachable)))
        (i64.const 0x1_0000_0000)";
    let folder = folder(&[("traps.wasm", &plugin(later))]);
    let file = folder.path().join("traps.wasm");
    let (code, said, told) = pointsman(&["policy", "bench", file.to_str().expect("a name")]);
    assert_eq!(code, Some(1), "{said}{told}");
    assert!(told.contains(" times with 1000 backends: its figures there aren't those of a pick"), "{told}");
}

#[test]
fn a_benchmark_has_a_line_for_each_number_of_backends() {
    let (code, said, told) = pointsman(&["policy", "bench", "ip-hash", "--against", "round-robin"]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert_eq!(said.lines().count(), 14, "{said}");
    assert!(said.contains("\nbackends     ns/pick   fuel/pick  host calls/pick      memory\n"), "{said}");
    let (code, said, _) = pointsman(&["policy", "bench", "round-robin", "--json"]);
    assert_eq!(code, Some(0));
    let figures: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(figures[0]["picks"][4]["backends"], 10_000, "{figures}");
}

#[test]
fn a_report_is_printed_and_written_or_refused_before_it_is_made() {
    let folder = folder(&[("old.html", b"old")]);
    let page = folder.path().join("old.html").to_str().expect("a name").to_owned();
    let (code, said, told) = pointsman(&["policy", "report", "ip-hash", "--quick", "--html", &page]);
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");
    assert!(
        said.starts_with("ip-hash  sha256 ") && said.ends_with("ip-hash: 20 passed, 1 to know of\n"),
        "{said}"
    );
    let written = std::fs::read_to_string(&page).expect("a page");
    assert!(written.starts_with("<!doctype html>") && written.ends_with("</html>\n"), "{written}");

    let (code, said, told) = pointsman(&["policy", "report", "random", "--json", "--html", "-"]);
    assert_eq!((code, said.as_str()), (Some(2), ""), "both can't be printed");
    assert!(told.starts_with("pointsman: --html -: what is printed is either"), "{told}");

    for (arguments, exit, complaint) in [
        (["--html", "/nowhere/report.html"], 2, "cannot write /nowhere/report.html"),
        (["--allow", "fairness"], 2, "no line of a report is called \"fairness\"; there are fair-shares"),
        (["--config", "{"], 2, "invalid value '{' for '--config <CONFIG>'"),
        (["--config", "NaN"], 2, "invalid value 'NaN' for '--config <CONFIG>'"),
        (["--config", "{\"n\": 1}"], 1, "the policy refuses to start"),
    ] {
        let (code, said, told) =
            pointsman(&["policy", "report", "random", "--quick", arguments[0], arguments[1]]);
        assert_eq!((code, said.as_str()), (Some(exit), ""), "{told}");
        assert!(told.contains(complaint), "{told}");
    }
}
