//! Scenarios with bundled policies, and what is told when they fail.

use std::path::Path;

use pointsman_policy::{Plugin, Testbed};

use super::*;

fn played(policy: &str, text: &str) -> Outcome {
    let scenario = parse(text, Path::new("x.toml")).unwrap_or_else(|error| panic!("{error}"));
    run(&Testbed::new().unwrap(), &Plugin::bundled(policy).unwrap(), &scenario)
}

#[test]
fn each_kind_of_step() {
    let text = r#"
pool = { backends = [{ name = "a" }, { name = "b", weight = 3 }, { name = "c", backup = true }] }

[[step]]
request = { repeat = 400 }
share = { a = 0.25, b = 0.75, tolerance = 0.001 }

[[step]]
change = { backend = "b", healthy = false }

[[step]]
request = { repeat = 10 }
expect = "a"

[[step]]
request = { tried = ["a"] }
any_of = ["a", "b"]
"#;
    let outcome = played("round-robin", text);
    let failure = outcome.failure.unwrap();
    assert_eq!((outcome.passed, failure.line, failure.step), (3, 15, 4));
    assert_eq!((failure.expected.as_str(), failure.found.as_str()), ("a or b", "nothing"));

    let text = r#"
pool = { count = 3 }
[[step]]
change = { backend = "b2", in_flight = 2 }
[[step]]
change = { backend = "b3", in_flight = 1 }
[[step]]
request = { path = "/x?y", method = "POST", headers = { cookie = "a=b" } }
expect = "b1"
[[step]]
change = { backend = "b1", draining = true }
[[step]]
request = {}
expect = "b3"
[[step]]
observe = { backend = "b3", status = 503, total = "5ms" }
[[step]]
advance = "10s"
[[step]]
change = { backend = "b3", member = false }
[[step]]
request = {}
expect = "b2"
[[step]]
observe = { backend = "b1" }
[[step]]
observe = { backend = "b1" }
"#;
    let outcome = played("least-conn", text);
    assert_eq!(
        outcome.failure.unwrap().to_string(),
        "line 26, step 11: response of b1\n  expected  a request that was picked for b1 before\n  found     none whose response hasn't ended"
    );
    assert_eq!(outcome.passed, 10);
}

#[test]
fn one_client_stays() {
    let text = "pool = { count = 5 }\n[[step]]\nrequest = { client = \"2001:db8::1\", repeat = 50, same = true }\n\
        [[step]]\nrequest = { repeat = 50, spread = true, same = true }";
    let failure = played("ip-hash", text).failure.unwrap();
    assert_eq!((failure.step, failure.expected.as_str()), (2, "all at one backend"));
    assert!(failure.found.contains('%'), "{failure}");
}

#[test]
fn a_refusal_can_be_expected() {
    let with = |refused: &str| format!("{refused}\npool = {{ count = 1 }}\n[config]\ntaw = \"5s\"");
    assert_eq!(played("peak-ewma", &with("refused = \"unknown field `taw`\"")).failure, None);
    let failure = played("peak-ewma", &with("refused = \"no memory\"")).failure.unwrap();
    assert!(failure.found.starts_with("refused: ") && failure.found.contains("taw"), "{failure}");
    let steps = "[[step]]\nrequest = {}\n";
    assert!(played("peak-ewma", &format!("{}\n{steps}", with(""))).failure.is_some());
    let failure = played("round-robin", "refused = \"x\"\npool = { count = 1 }").failure.unwrap();
    assert_eq!((failure.expected.as_str(), failure.found.as_str()), ("refused: x", "the plugin serves"));
}

#[test]
fn a_fault_is_told_with_the_plugins_last_words() {
    let module = r#"(module
        (import "pointsman_1.0" "log" (func $log (param i32 i32 i32)))
        (import "pointsman_1.0" "flags" (func $flags (param i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 16) "no idea")
        (global $picks (mut i32) (i32.const 0))
        (func (export "pointsman_init") (result i32) (i32.const 0))
        (func (export "pointsman_pick") (result i64)
            (global.set $picks (i32.add (global.get $picks) (i32.const 1)))
            (if (i32.eq (i32.rem_u (global.get $picks) (i32.const 3000)) (i32.const 0))
                (then (call $log (i32.const 2) (i32.const 16) (i32.const 7)) (unreachable)))
            (i64.const 0x1_0000_0000)))"#;
    let plugin = Plugin::file(Path::new("x.wasm"), wat::parse_str(module).unwrap());
    let played = |fault: &str| {
        let text = format!("pool = {{ count = 2 }}\n[[step]]\nrequest = {{ repeat = 3000 }}\n{fault}");
        run(&Testbed::new().unwrap(), &plugin, &parse(&text, Path::new("x.toml")).unwrap())
    };
    let failure = played("").failure.unwrap();
    assert_eq!((failure.expected.as_str(), failure.found.as_str()), ("no fault of the policy", "1"));
    let log = failure.log.join("\n");
    assert!(
        log.contains("policy says: no idea") && log.contains("error: policy fault: trap in `pick`"),
        "{log}"
    );
    assert_eq!(played("fault = true").failure, None);
}

#[test]
fn what_a_plugin_asks_for_that_there_is_not_stands_beside_the_failure() {
    // The backend behind the last one, as an index from 1 on would make it.
    let module = r#"(module
        (import "pointsman_1.0" "stat" (func $stat (param i32 i32) (result i64)))
        (memory (export "memory") 1)
        (func (export "pointsman_init") (result i32) (i32.const 0))
        (func (export "pointsman_pick") (result i64)
            (drop (call $stat (i32.const 0) (i32.const 2)))
            (i64.const 0x1_0000_0000)))"#;
    let plugin = Plugin::file(Path::new("x.wasm"), wat::parse_str(module).unwrap());
    let text = "pool = { count = 2 }\n[[step]]\nrequest = {}\nexpect = \"b2\"";
    let scenario = parse(text, Path::new("x.toml")).unwrap();
    let failure = run(&Testbed::new().unwrap(), &plugin, &scenario).failure.unwrap();
    assert_eq!(failure.log, ["debug: policy asks `stat` for backend 2, which there isn't"]);
    // It is told of what passes as well, once.
    let text = "pool = { count = 2 }\n[[step]]\nrequest = { repeat = 10 }\nabstain = true";
    let passed = run(&Testbed::new().unwrap(), &plugin, &parse(text, Path::new("x.toml")).unwrap());
    assert_eq!(
        (passed.failure, passed.asked_unknown),
        (None, vec!["`stat` for backend 2, which there isn't".to_owned()])
    );
}

#[test]
fn a_pool_with_too_few_healthy_backends_panics_as_in_the_proxy() {
    let scenario = |threshold: &str, expected: &str| {
        format!(
            "[pool]\nbackends = [{{ name = \"a\" }}, {{ name = \"b\" }}]\n{threshold}\n[[step]]\nchange = {{ backend = \"a\", healthy = false }}\n\
             [[step]]\nchange = {{ backend = \"b\", healthy = false }}\n[[step]]\nrequest = {{ repeat = 20 }}\n{expected}"
        )
    };
    let any = "any_of = [\"a\", \"b\"]";
    assert_eq!(played("random", &scenario("", any)).failure, None);
    assert_eq!(
        played("random", &scenario("panic_threshold = 0", any)).failure.unwrap().found,
        "nothing 100.0 %"
    );
}

#[test]
fn each_fault_has_its_line_and_key() {
    for (step, expected) in [
        ("request = {}\nexpekt = \"b1\"", "x.toml:4: unknown field `expekt`"),
        ("", "x.toml:2: step: a step is one of"),
        ("request = {}\nadvance = \"1s\"", "x.toml:2: step: a step is one of"),
        ("request = {}\nexpect = \"b3\"", "x.toml:4: expect: there is no backend \"b3\""),
        ("request = {}\nexpect = \"b1\"\nabstain = true", "x.toml:2: step: one of `expect`"),
        ("request = {}\nreject = 200", "x.toml:4: reject: a policy rejects with"),
        ("request = {}\nshare = { b1 = 2 }", "x.toml:4: share: a share is 0 to 1"),
        ("request = {}\nshare = {}", "x.toml:4: share: names no backend"),
        ("request = {}\nshare = { tolerance = 0.1 }", "x.toml:4: share: names no backend"),
        ("request = {}\nany_of = []", "x.toml:4: any_of: names no backend"),
        ("request = { path = \"x\" }", "x.toml:3: request: \"x\" is no path"),
        ("request = { method = \"G T\" }", "x.toml:3: request: \"G T\" is no method"),
        ("request = { client = \"me\" }", "x.toml:3: request: \"me\" is no address"),
        (
            "request = { headers = { \"a b\" = \"c\" } }",
            "x.toml:3: request: \"a b\" = \"c\" is no header field",
        ),
        ("request = { repeat = 0 }", "x.toml:3: request: `repeat` is 1 to"),
        ("change = { backend = \"b1\" }", "x.toml:3: change: nothing changes"),
        ("change = { backend = \"b1\", weight = 0 }", "x.toml:3: change: a weight of"),
        ("observe = { backend = \"b1\", outcome = \"fine\" }", "x.toml:3: observe: \"fine\" is no outcome"),
        ("advance = \"1\"", "x.toml:3: step.advance: \"1\" is no span of time"),
        ("advance = \"99999h\"\n[[step]]\nrequest = {}", "x.toml:3: advance: at most 24h"),
        ("advance = \"1s\"", "x.toml:1: step: nothing is tried"),
        ("advance = \"1s\"\nexpect = \"b1\"", "x.toml:2: step: only of a request"),
    ] {
        let text = format!("pool = {{ count = 2 }}\n[[step]]\n{step}");
        let found = parse(&text, Path::new("x.toml")).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}\n  expected {expected}");
    }
    for (text, expected) in [
        ("", "x.toml:1: missing field `pool`"),
        ("pool = {}", "x.toml:1: pool: a pool has either"),
        ("pool = { count = 2, backends = [{ name = \"a\" }] }", "x.toml:1: pool: a pool has either"),
        ("pool = { count = 0 }", "x.toml:1: pool: a pool has either"),
        ("pool = { count = 1 }", "x.toml:1: step: nothing is tried"),
        ("pool = { count = 1, panic_threshold = 101 }", "x.toml:1: pool.panic_threshold: 0 to 100 percent"),
        (
            "pool = { backends = [{ name = \"\" }] }",
            "x.toml:1: pool.backends: a name has at least one character",
        ),
        ("name = \"\"\npool = { count = 1 }", "x.toml:1: name: a name has at least one character"),
        (
            "pool = { count = 1 }\n[[step]]\nrequest = {}\nabstain = false",
            "x.toml:4: abstain: write what is expected instead",
        ),
        ("pool = { count = 1 }\nrefused = \" \"", "x.toml:2: refused: any refusal would do"),
        (
            "refused = \"x\"\npool = { count = 1 }\n[[step]]\nrequest = {}",
            "x.toml:3: step: a plugin that is refused takes no step",
        ),
    ] {
        let found = parse(text, Path::new("x.toml")).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}\n  expected {expected}");
    }
}
