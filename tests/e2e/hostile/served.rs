//! Plugins that pass admission and turn on real requests: each one is served, and the next instance is sound again.

use std::thread;

use super::{Scene, moody};

/// What is wrong, fields of the module, code of a pick, and the fault in the log.
type Case = (&'static str, &'static str, &'static str, &'static str);

fn check((case, fields, code, fault): Case) {
    let scene = Scene::new(&moody(fields, code));
    scene.wait_for_recovery(case);
    scene.provoke(case);
    scene.wait_for_fault(fault);
    scene.wait_for_recovery(case);
    scene.assert_good_pool_is_untouched();
}

fn check_all(cases: &[Case]) {
    thread::scope(|threads| {
        for &case in cases {
            threads.spawn(move || check(case));
        }
    });
}

#[test]
fn traps() {
    let recursion = "(func $deeper (param i32) (result i32)
        (i32.add (i32.const 1) (call $deeper (i32.add (i32.const 1) (local.get 0)))))";
    check_all(&[
        (
            "unreachable",
            "",
            "unreachable",
            "trap in `pick`: wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "division by zero",
            "",
            "(drop (i32.div_u (i32.const 1) (call $tried (i32.const 0))))",
            "trap in `pick`: wasm trap: integer divide by zero",
        ),
        (
            "outside the memory",
            "",
            "(drop (i32.load (i32.const -4)))",
            "trap in `pick`: wasm trap: out of bounds memory access",
        ),
        (
            "stack overflow",
            recursion,
            "(drop (call $deeper (i32.const 0)))",
            "trap in `pick`: wasm trap: call stack exhausted",
        ),
        (
            "last words",
            "",
            "(call $log (i32.const 4) (i32.const 16) (i32.const 18)) unreachable",
            "trap in `pick`: wasm trap: wasm `unreachable` instruction executed; the guest's last words: so this is the end",
        ),
        (
            "in observe",
            "(global $bad (mut i32) (i32.const 0))
            (func (export \"pointsman_observe\") (param i32 i32 i32 i64 i64)
                (if (global.get $bad) (then unreachable)))",
            "(global.set $bad (i32.const 1))",
            "trap in `observe`: wasm trap: wasm `unreachable` instruction executed",
        ),
    ]);
}

#[test]
fn greed() {
    check_all(&[
        ("endless loop", "", "(loop $l (br $l))", "deadline in `pick`: used up the CPU time of one call"),
        (
            "memory bomb",
            "",
            "(loop $l (drop (memory.grow (i32.const 16))) (br $l))",
            "memory in `pick`: asked for ",
        ),
        (
            "a large step of memory",
            "",
            "(drop (memory.grow (i32.const 65535)))",
            "memory in `pick`: asked for 4294967296 bytes of memory; it may have 16777216",
        ),
        (
            "table bomb",
            "(table $t 1 funcref)",
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 100))) (br $l))",
            "memory in `pick`: asked for ",
        ),
        (
            "endless loop in observe",
            "(global $bad (mut i32) (i32.const 0))
            (func (export \"pointsman_observe\") (param i32 i32 i32 i64 i64)
                (if (global.get $bad) (then (loop $l (br $l)))))",
            "(global.set $bad (i32.const 1))",
            "deadline in `observe`: used up the CPU time of one call",
        ),
    ]);
}

#[test]
fn lies() {
    check_all(&[
        (
            "index out of range",
            "",
            "(return (i64.const 4))",
            "bad-verdict in `pick`: picked backend 4 of 4; indexes count from 0",
        ),
        (
            "greatest index",
            "",
            "(return (i64.const 0xffffffff))",
            "bad-verdict in `pick`: picked backend 4294967295 of 4",
        ),
        (
            "draining backend",
            "",
            "(return (i64.const 3))",
            "bad-verdict in `pick`: picked backend 3, which isn't eligible",
        ),
        (
            "negative verdict",
            "",
            "(return (i64.const -1))",
            "bad-verdict in `pick`: verdict 0xffffffffffffffff is of the unknown kind 4294967295",
        ),
        (
            "unknown kind",
            "",
            "(return (i64.const 0x3_0000_0000))",
            "bad-verdict in `pick`: verdict 0x0000000300000000 is of the unknown kind 3",
        ),
        (
            "rejection with 200",
            "",
            "(return (i64.const 0x2_0000_00c8))",
            "bad-verdict in `pick`: rejected with status 200; allowed are 400 to 599",
        ),
        (
            "buffer outside the memory",
            "",
            "(drop (call $weights (i32.const -8) (i32.const 8)))",
            "host-refusal in `pick`: `weights` was given 8 bytes at address 4294967288",
        ),
        (
            "text outside the memory",
            "",
            "(call $log (i32.const 1) (i32.const 65535) (i32.const 2))",
            "host-refusal in `pick`: `log` was given 2 bytes at address 65535",
        ),
    ]);
}

#[test]
fn a_flood_of_log_lines_is_cut_off() {
    // 200 lines in each of 40 picks.
    let scene = Scene::new(&moody(
        "",
        "(local.set $n (i32.const 200))
        (loop $l
            (call $log (i32.const 3) (i32.const 16) (i32.const 18))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
    ));
    let began = std::time::Instant::now();
    scene.provoke("log flood");
    scene.wait_for_recovery("log flood");
    let allowed = 20 + began.elapsed().as_millis() as usize / 100 + 1;
    let lines = scene.proxy.log_with("policy says: so this is the end");
    assert!((20..=allowed).contains(&lines.len()), "{} lines, {allowed} are allowed", lines.len());
    assert!(scene.proxy.log_with("policy fault").is_empty());
}
