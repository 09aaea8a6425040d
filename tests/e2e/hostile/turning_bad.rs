//! Plugins that are sound for a while.

use std::thread;

use harness::{choose, guest};

use super::Scene;

/// A policy that ends its picks like this after many sound ones costs no request, and is replaced.
fn check(ending: &str, fault: &str) {
    // More picks than admission tries.
    const SOUND: u32 = 500;
    let calm = choose(2);
    let scene = Scene::new(&guest(&format!(
        r#"(global $picks (mut i32) (i32.const 0))
        (func (export "pointsman_pick") (result i64)
            (global.set $picks (i32.add (global.get $picks) (i32.const 1)))
            (if (i32.gt_u (global.get $picks) (i32.const {SOUND})) (then {ending}))
            {calm})"#
    )));
    let mut client = scene.proxy.client();
    for number in 1..=SOUND {
        assert_eq!(client.get("/").text(), "2", "{fault}: pick {number}");
    }
    assert!(scene.proxy.log.events("policy-faulted").is_empty());
    assert_eq!(client.get("/").status(), 200);
    scene.wait_for_fault(fault);
    scene.provoke(fault);
    scene.wait_for_recovery(fault);
    scene.assert_good_pool_is_untouched();
}

#[test]
fn a_failure_after_many_picks_costs_no_request_and_the_instance_is_replaced() {
    thread::scope(|cases| {
        for (ending, fault) in [
            ("unreachable", "trap in `pick`"),
            ("(loop $l (br $l))", "deadline in `pick`"),
            ("(return (i64.const 77))", "bad-verdict in `pick`: picked backend 77 of 4"),
        ] {
            cases.spawn(move || check(ending, fault));
        }
    });
}

#[test]
fn a_policy_that_cannot_be_started_again_leaves_the_pool_to_the_fallback() {
    // Cells outlive instances. The third start is the first one after a failure; admission has cells of its own.
    for (ending, fault) in [
        ("unreachable", "trap in `init`: wasm trap: wasm `unreachable` instruction executed"),
        ("(loop $l (br $l))", "deadline in `init`: used up the CPU time of one call"),
        ("(return (i32.const 1))", "trap in `init`: refuses to start: `pointsman_init` answered 1"),
    ] {
        let calm = choose(2);
        let scene = Scene::new(&guest(&format!(
            r#"(data (i32.const 0) "x-mood")
            (func (export "pointsman_init") (result i32)
                (if (i64.ge_s
                        (call $cell_add (i32.const 0) (i32.const 0) (i32.const 5) (i64.const 1))
                        (i64.const 2))
                    (then {ending}))
                (i32.const 0))
            (func (export "pointsman_pick") (result i64)
                (if (i32.ge_s
                        (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16))
                        (i32.const 0))
                    (then unreachable))
                {calm})"#
        )));
        scene.wait_for_recovery(ending);
        scene.provoke(ending);
        scene.wait_for_fault(fault);
        scene.provoke(ending);
        scene.assert_good_pool_is_untouched();
    }
}

#[test]
fn a_trap_in_tick_costs_no_request() {
    let calm = choose(2);
    let scene = Scene::new(&guest(&format!(
        r#"(global $ticks (mut i32) (i32.const 0))
        (func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
        (func (export "pointsman_tick")
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.gt_u (global.get $ticks) (i32.const 20)) (then unreachable)))
        (func (export "pointsman_pick") (result i64) {calm})"#
    )));
    scene.provoke("before");
    scene.wait_for_fault("trap in `tick`");
    scene.provoke("after");
    scene.assert_good_pool_is_untouched();
}
