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
            "call of nothing",
            "(table 1 funcref) (type $nothing (func))",
            "(call_indirect (type $nothing) (i32.const 0))",
            "trap in `pick`: wasm trap: uninitialized element",
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
            "a megabyte for each pick",
            "",
            "(drop (memory.grow (i32.const 16)))",
            "memory in `pick`: asked for 16842752 bytes of memory; it may have 16777216",
        ),
        (
            "endless loop of host calls",
            "",
            "(loop $l (call $log (i32.const 3) (i32.const 16) (i32.const 18)) (br $l))",
            "deadline in `pick`: used up the CPU time of one call",
        ),
        (
            "waiting for a cell that nobody changes",
            "",
            "(loop $l (br_if $l (i64.ne (i64.const 1)
                (call $cell_cas (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 1) (i64.const 2)))))",
            "deadline in `pick`: used up the CPU time of one call",
        ),
        (
            "the whole memory again and again",
            "",
            "(loop $l (memory.fill (i32.const 1024) (i32.const 7) (i32.const 64512)) (br $l))",
            "deadline in `pick`: used up the CPU time of one call",
        ),
        (
            "endless loop in tick",
            "(global $bad (mut i32) (i32.const 0))
            (func (export \"pointsman_init\") (result i32) (call $tick_every (i32.const 0))
                (call $tick_every (i32.const 1)) (i32.const 0))
            (func (export \"pointsman_tick\") (if (global.get $bad) (then (loop $l (br $l)))))",
            "(global.set $bad (i32.const 1))",
            "deadline in `tick`: used up the CPU time of one call",
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
            "least verdict",
            "",
            "(return (i64.const -0x8000_0000_0000_0000))",
            "bad-verdict in `pick`: verdict 0x8000000000000000 is of the unknown kind 2147483648",
        ),
        (
            "greatest verdict",
            "",
            "(return (i64.const 0x7fff_ffff_ffff_ffff))",
            "bad-verdict in `pick`: verdict 0x7fffffffffffffff is of the unknown kind 2147483647",
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
            "rejection with 0",
            "",
            "(return (i64.const 0x2_0000_0000))",
            "bad-verdict in `pick`: rejected with status 0; allowed are 400 to 599",
        ),
        (
            "rejection with 99999",
            "",
            "(return (i64.const 0x2_0001_869f))",
            "bad-verdict in `pick`: rejected with status 99999; allowed are 400 to 599",
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

/// What a policy may do, however odd it is, isn't a fault: it goes on choosing.
fn check_harmless((case, fields, code): (&'static str, &'static str, &'static str)) {
    let scene = Scene::with(&moody(fields, code), ", deadline = \"50ms\"");
    scene.wait_for_recovery(case);
    scene.provoke(case);
    let mut client = scene.proxy.client();
    for round in 0..20 {
        assert_eq!(client.get_with("/", "X-Mood: bad\r\n").text(), "2", "{case}, round {round}");
    }
    assert_eq!(scene.proxy.log.events("policy-faulted"), [], "{case}");
}

#[test]
fn oddities() {
    thread::scope(|threads| {
        for case in [
            (
                "every cell, and those that there aren't",
                "(func $flood (param $scope i32) (param $index i32) (local $slot i32)
                    (local.set $slot (i32.const -2))
                    (loop $l
                        (call $cell_set (local.get $scope) (local.get $index) (local.get $slot) (i64.const -1))
                        (drop (call $cell_add (local.get $scope) (local.get $index) (local.get $slot)
                            (i64.const 0x7fff_ffff_ffff_ffff)))
                        (drop (call $cell_cas (local.get $scope) (local.get $index) (local.get $slot)
                            (i64.const 0) (i64.const 1)))
                        (drop (call $cell_get (local.get $scope) (local.get $index) (local.get $slot)))
                        (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
                        (br_if $l (i32.lt_s (local.get $slot) (i32.const 40)))))",
                "(call $flood (i32.const 0) (i32.const 0)) (call $flood (i32.const 0) (i32.const -1))
                (call $flood (i32.const 1) (i32.const 0)) (call $flood (i32.const 1) (i32.const 3))
                (call $flood (i32.const 1) (i32.const 4)) (call $flood (i32.const 1) (i32.const -1))
                (call $flood (i32.const 2) (i32.const 0)) (call $flood (i32.const -1) (i32.const 0))",
            ),
            (
                "unknown indexes, fields and kinds, and buffers of no size",
                "",
                "(drop (call $flags (i32.const -1)))
                (drop (call $tried (i32.const 0x7fff_ffff)))
                (drop (call $backend_text (i32.const 4) (i32.const 0) (i32.const 64) (i32.const 8)))
                (drop (call $backend_text (i32.const 0) (i32.const 99) (i32.const 64) (i32.const 8)))
                (drop (call $backend_label (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
                (drop (call $stats (i32.const 99) (i32.const 65536) (i32.const 0)))
                (drop (call $request_text (i32.const -5) (i32.const 65536) (i32.const 0)))
                (drop (call $header (i32.const 0) (i32.const 65536) (i32.const 65536) (i32.const 0)))
                (drop (call $hash (i32.const 77) (i32.const 0) (i32.const 0)))
                (call $log (i32.const -9) (i32.const 0) (i32.const 0))
                (call $fail (i32.const 0) (i32.const 65536))",
            ),
            (
                "the rarest tick there is",
                "(global $bad (mut i32) (i32.const 0))
                (func (export \"pointsman_tick\") (if (global.get $bad) (then unreachable)))
                (func (export \"pointsman_init\") (result i32) (call $tick_every (i32.const -1)) (i32.const 0))",
                "(global.set $bad (i32.const 1))",
            ),
            (
                "memory that grows between two uses of a pointer",
                "",
                "(if (i32.lt_u (memory.size) (i32.const 100)) (then (drop (memory.grow (i32.const 1)))))
                (drop (call $weights
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16)) (i32.const 16)))
                (if (i32.lt_u (memory.size) (i32.const 100)) (then (drop (memory.grow (i32.const 1)))))
                (drop (call $header (i32.const 0) (i32.const 6)
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16)) (i32.const 16)))",
            ),
            (
                "a table that grows up to its limit",
                "(table $t 1 funcref)",
                "(if (i32.lt_u (table.size $t) (i32.const 9900))
                    (then (drop (table.grow $t (ref.null func) (i32.const 99)))))",
            ),
            // About 2 ms, far below the deadline on a slow machine, too.
            (
                "slow",
                "",
                "(local.set $n (i32.const 2000000))
                (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
            ),
        ] {
            threads.spawn(move || check_harmless(case));
        }
    });
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
    let lines = scene.proxy.log.events("policy-logged");
    assert!(lines.iter().all(|line| line.message() == "policy says: so this is the end"), "{lines:#?}");
    assert!((20..=allowed).contains(&lines.len()), "{} lines, {allowed} are allowed", lines.len());
    assert!(scene.proxy.log.events("policy-faulted").is_empty());
}
