//! `pointsman simulate`: what a person gets.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{folder, plugin, pointsman};

const SPEC: &str = r#"title = "Two policies"
run = { duration = "20s", seeds = 2, within = ["50ms"] }
load = { utilization = 0.5 }

[[policy]]
bundled = "round-robin"

[[policy]]
bundled = "least-conn"

[[backends]]
count = 3
"#;

/// Exit code, standard output and standard error.
fn simulate(spec: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let spec = spec.to_str().expect("a name");
    pointsman(&[&["simulate", spec], arguments].concat())
}

#[test]
fn a_table_says_what_each_policy_does() {
    let folder = folder(&[("two.toml", SPEC.as_bytes())]);
    let (code, table, told) = simulate(&folder.path().join("two.toml"), &[]);
    assert_eq!((code, told.as_str()), (Some(0), ""), "{table}");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "Two policies");
    assert!(
        lines[2].starts_with("policy ") && lines[2].contains("p99") && lines[2].contains("≤ 50ms"),
        "{table}"
    );
    assert!(lines[3].starts_with("round-robin ") && lines[4].starts_with("least-conn "), "{table}");
    assert!(table.contains("round-robin: sha256 ") && table.ends_with('\n'), "{table}");
    let again = simulate(&folder.path().join("two.toml"), &[]);
    assert_eq!(again.1, table, "another result with the same seed");
}

#[test]
fn json_has_the_digests_of_all_runs() {
    let folder = folder(&[("two.toml", SPEC.as_bytes())]);
    let digests = |arguments: &[&str]| {
        let (code, text, told) = simulate(&folder.path().join("two.toml"), arguments);
        assert_eq!((code, told.as_str()), (Some(0), ""));
        let results: Value = serde_json::from_str(&text).expect("JSON");
        let policy = &results["policies"][0];
        assert!(policy["time_us"]["mean"]["mean"].as_f64().is_some_and(|mean| mean > 10_000.0), "{policy}");
        policy["digests"].as_array().expect("a list").clone()
    };
    let (two, three) = (digests(&["--json"]), digests(&["--json", "--seeds", "3"]));
    assert_eq!((two.len(), three.len()), (2, 3));
    assert_eq!(two, three[..2]);
    assert_eq!(digests(&["--json", "--seed", "2", "--seeds", "1"]), three[1..2]);
}

#[test]
fn charts_are_written_or_refused_before_it_runs() {
    let folder = folder(&[("two.toml", SPEC.as_bytes()), ("file", b"")]);
    let path = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let (code, _, told) = simulate(&folder.path().join("two.toml"), &["--charts", &path("a/b")]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    for name in ["times.svg", "requests.svg", "shares.svg"] {
        let chart = std::fs::read_to_string(path(&format!("a/b/{name}"))).expect("a chart");
        assert!(chart.starts_with("<svg ") && chart.contains(">Two policies</text>"), "{chart}");
    }
    let (code, said, told) = simulate(&folder.path().join("two.toml"), &["--charts", &path("file")]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(told.contains("cannot make the folder ") && told.contains("/file: "), "{told}");
}

#[test]
fn a_spec_that_is_wrong_says_where() {
    let folder = folder(&[
        (
            "key.toml",
            b"run = { duration = \"1s\" }\nload = { rate = 1 }\n[[backends]]\n[[policy]]\nbundeled = \"x\"\n",
        ),
        ("bytes.toml", b"\xff\xfe"),
        ("overload.toml", SPEC.replace("0.5", "1.2").as_bytes()),
    ]);
    let path = |name: &str| folder.path().join(name);
    for (spec, line) in [
        (path("key.toml"), ":5: unknown field `bundeled`"),
        (path("bytes.toml"), ": is no text"),
        (path("overload.toml"), ":3: load.utilization: 120 % of what the backends can serve"),
        (path("none.toml"), ": cannot read it: No such file or directory"),
        (folder.path().to_path_buf(), ": cannot read it: is a directory"),
        (PathBuf::from("/dev/zero"), ": cannot read it: not a regular file"),
    ] {
        let (code, said, told) = simulate(&spec, &[]);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{told}");
        let expected = format!("{}{line}", spec.display());
        assert!(told.starts_with(&expected) && told.lines().count() == 1, "{told}\n{expected}");
    }
}

#[test]
fn a_plugin_that_fails_is_counted_and_the_run_goes_on() {
    // Well-behaved in admission: it fails once in so many picks.
    let sometimes = |then: &str| {
        plugin(&format!(
            "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
             (if (i32.gt_u (i32.load (i32.const 0)) (i32.const 6000)) (then {then}))
             (i64.const 0x1_0000_0000)"
        ))
    };
    for (name, then) in [
        ("trap.wasm", "unreachable"),
        ("loop.wasm", "(loop $for_ever (br $for_ever))"),
        ("lie.wasm", "(return (i64.const 99))"),
    ] {
        let spec =
            SPEC.replace("bundled = \"round-robin\"", &format!("file = \"{name}\"")).replace("20s", "100s");
        let folder = folder(&[("fails.toml", spec.as_bytes()), (name, &sometimes(then))]);
        let (code, table, told) = simulate(&folder.path().join("fails.toml"), &["--seeds", "1", "--json"]);
        assert_eq!(code, Some(1), "{name}: {told}");
        assert!(told.contains("these policies failed") && told.contains("policy-faulted"), "{name}: {told}");
        let results: Value = serde_json::from_str(&table).expect("JSON");
        let counts = &results["policies"][0]["counts"];
        assert_eq!(
            (&counts["failed"], &counts["served"]),
            (&Value::from(0), &counts["requests"]),
            "{counts}"
        );
        assert!(counts["faults"].as_u64() > Some(0), "{counts}");
    }
}

#[test]
fn what_the_fallback_picks_and_swaps_do_is_told() {
    let spec = SPEC.replace("bundled = \"round-robin\"", "file = \"abstain.wasm\"")
        + "[[swap]]\nat = \"10s\"\nbundled = \"least-conn\"\n";
    let abstain = plugin("(i64.const 0x1_0000_0000)");
    let one = spec.replace("\nat = \"10s\"", "\nat = \"10s\"\npolicy = \"abstain\"");
    let files = [("s.toml", spec.as_bytes()), ("one.toml", one.as_bytes()), ("abstain.wasm", &abstain)];
    let folder = folder(&files);
    let (code, table, told) = simulate(&folder.path().join("s.toml"), &[]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let note = table
        .lines()
        .find_map(|line| line.strip_prefix("abstain: ")?.strip_suffix(" as the policy had no opinion"));
    let share = note.and_then(|note| note.split_once(" % of the picks were left to the fallback"));
    let share: f64 = share.and_then(|(share, _)| share.parse().ok()).unwrap_or_else(|| panic!("{table}"));
    assert!((45.0..55.0).contains(&share), "half of the run: {table}");
    let swap = |policy: &str| {
        let begin = format!("{policy}: at 10s bundled least-conn (sha256 ");
        let told = table.lines().find_map(|line| line.strip_prefix(&begin)?.split_once("): "));
        told.unwrap_or_else(|| panic!("{table}")).1.to_owned()
    };
    assert_eq!(swap("abstain"), "swapped 2 times");
    assert_eq!(swap("least-conn"), "swapped 0 times, 2 times it was active already");
    let (code, table, told) = simulate(&folder.path().join("one.toml"), &[]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(table.contains("\nabstain: at 10s ") && !table.contains("least-conn: at"), "{table}");
}

#[test]
fn one_that_is_refused_is_named() {
    let spec = SPEC.replace("bundled = \"round-robin\"", "file = \"garbage.wasm\"");
    let folder = folder(&[("refused.toml", spec.as_bytes()), ("garbage.wasm", b"\0asm garbage")]);
    let (code, said, told) = simulate(&folder.path().join("refused.toml"), &[]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(told.starts_with("pointsman: policy garbage: "), "{told}");
}

#[test]
fn other_policies_than_the_specs_can_be_given() {
    let folder =
        folder(&[("two.toml", SPEC.as_bytes()), ("mine.wasm", &plugin("(i64.const 0x1_0000_0000)"))]);
    let mine = folder.path().join("mine.wasm");
    let arguments = ["--policy", mine.to_str().expect("a name"), "--policy", "ip-hash", "--seeds", "1"];
    let (code, table, told) = simulate(&folder.path().join("two.toml"), &arguments);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(
        table.contains("\nmine ") && table.contains("\nip-hash ") && !table.contains("least-conn"),
        "{table}"
    );
    // Two versions of one policy, told apart by names.
    let (old, new) = (format!("old={}", mine.display()), format!("new={}", mine.display()));
    let (code, table, told) =
        simulate(&folder.path().join("two.toml"), &["--policy", &old, "--policy", &new]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(table.contains("\nold ") && table.contains("\nnew "), "{table}");
    // It is the argument that is wrong, and no line of the spec.
    for (argument, fault) in [
        ("nothing", "no policy \"nothing\" is bundled, and there is no such file"),
        ("mine=no/such.wasm", "cannot read the plugin no/such.wasm"),
    ] {
        let (code, _, told) = simulate(&folder.path().join("two.toml"), &["--policy", argument]);
        assert_eq!(code, Some(2));
        assert!(told.starts_with(&format!("pointsman: --policy {argument}: {fault}")), "{told}");
    }
}
