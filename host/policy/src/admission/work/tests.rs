//! Modules that take the compiler excessive time, and modules as real compilers produce them.

use super::*;
use crate::bundled::{bundled, names};

fn cost(content: &[u8]) -> Duration {
    let mut scan = Scan::default();
    assert!(scan.read(content).is_ok());
    Duration::from_nanos(scan.cost)
}

fn refusal(fields: &str) -> Option<&'static str> {
    let content = wat::parse_str(format!("(module {fields})")).expect("well-formed");
    check(&content).err().map(|refusal| refusal.label())
}

/// This many loops, one in the other, around reads of this many locals.
fn loops_over_locals(loops: usize, locals: usize) -> String {
    let reads: String = (0..locals).map(|local| format!("(drop (local.get {local}))")).collect();
    let declared = "i32 ".repeat(locals);
    format!("(func (local {declared}) {} {reads} {})", "loop ".repeat(loops), "end ".repeat(loops))
}

#[test]
fn what_takes_the_compiler_minutes_or_gigabytes_is_refused() {
    let ones = "i32 ".repeat(500);
    let zeros = "i32.const 0 ".repeat(500);
    let around = |block: &str, times: usize| {
        let passing = block.repeat(times);
        format!(
            "(type $many (func (param {ones}) (result {ones})))
            (func {zeros} {passing} {})",
            "drop ".repeat(500)
        )
    };
    let steps = "(loop (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 1)))))";
    let cases = [
        ("loops over locals", loops_over_locals(9_000, 8_000)),
        ("a few loops over many locals", loops_over_locals(32, 8_000)),
        ("empty loops", format!("(func {})", "(loop)".repeat(21_000))),
        ("loops in a row with one local", format!("(func (local i32) {})", steps.repeat(4_000))),
        ("loops that pass much on", around("(loop (type $many)) ", 500)),
        (
            "calls that pass much on",
            format!("(func $f (type $many) unreachable) {}", around("call $f ", 1_000)),
        ),
        (
            "conditions over locals",
            format!(
                "(func (local {}) {})",
                "i32 ".repeat(100),
                (0..5_000)
                    .map(|n| format!(
                        "(if (local.get {}) (then (local.set {} (i32.const 1))))",
                        n % 100,
                        (n + 1) % 100
                    ))
                    .collect::<String>()
            ),
        ),
        ("nested loops that change locals", {
            let change =
                |n: usize| format!("(br_if 0 (local.tee {n} (i32.add (local.get {n}) (i32.const 1)))) end ");
            let (begin, changes) = ("loop ".repeat(200), (0..200).map(change).collect::<String>());
            format!("(func (local {}) {begin} {changes})", "i32 ".repeat(200))
        }),
        ("what loops needn't repeat", {
            let (begin, end) = ("loop ".repeat(2_000), "(br_if 0 (i32.const 0)) end ".repeat(2_000));
            format!("(func (local i32) {begin} {} {end})", "(drop (local.get 0))".repeat(4_000))
        }),
    ];
    for (case, fields) in cases {
        assert_eq!(refusal(&fields), Some("complexity"), "{case}");
    }
    let many = |fields: &str, times: usize| fields.repeat(times);
    let function = "(func (local i32) ".to_owned() + &steps.repeat(1_000) + ")";
    assert_eq!(refusal(&function), None, "one of these is no trouble");
    assert_eq!(refusal(&many(&function, 30)), Some("complexity"), "many are");
    assert_eq!(refusal(&many("(global i32 (i32.const 0))", 10_001)), Some("complexity"));
    let segment = format!("(func $f) (elem func {})", "$f ".repeat(50_001));
    assert_eq!(refusal(&segment), Some("complexity"));
    let types: String =
        (0..2_000).map(|n| format!("(type (func (param {})))", "i64 ".repeat(n % 1_000))).collect();
    assert_eq!(refusal(&types), None, "6 s");
    let types: String =
        (0..4_000).map(|n| format!("(type (func (param {})))", "i64 ".repeat(n % 1_000))).collect();
    assert_eq!(refusal(&types), Some("complexity"));
}

#[test]
fn a_refusal_says_what_it_is_about() {
    let content =
        wat::parse_str(format!("(module (func) {})", loops_over_locals(100, 5_000))).expect("well-formed");
    let refusal = check(&content).expect_err("it takes long").to_string();
    for part in ["function 1,", "100 loops up to 100 deep", "5000 locals", "allowed are 2 s"] {
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn ordinary_plugins_are_far_from_the_limits() {
    for name in names() {
        let estimate = cost(bundled(name).expect("it is bundled"));
        assert!(estimate < MODULE / 50, "{name}: {estimate:?}");
    }
}

#[test]
fn invalid_code_is_refused_as_such() {
    let whole = wat::parse_str("(module (func (drop (i32.const 7))))").expect("well-formed");
    let broken: Vec<u8> = whole.iter().map(|&byte| if byte == 0x1a { 0xff } else { byte }).collect();
    assert_eq!(check(&broken).expect_err("there is no such instruction").label(), "format");
}
