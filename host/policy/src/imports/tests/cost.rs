//! What a guest can make the host do within one call. Guests meet their deadline at loops and function entries; a long sequence
//! of host calls has neither.

use std::time::Duration;

use pointsman_sdk::abi::{signature, wasi};

use crate::fault::FaultKind;
use crate::guest::thread_cpu_time;
use crate::instance::WorkerInstance;
use crate::settings::PolicySettings;
use crate::testing::{ABSTAIN, Bench, guest, guest_with, pool, request};

/// A pick that makes this call `times` times in a row ends soon after its deadline.
fn check(call: &str, times: usize) {
    let content = guest(&format!(
        r#"(func (export "pointsman_pick") (result i64) (drop (memory.grow (i32.const 254))) {} {ABSTAIN})"#,
        call.repeat(times)
    ));
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let mut instance = WorkerInstance::new(bench.build(&content).unwrap());
    let mut head = request();
    // As long as the default limit on heads allows, about.
    head.parts.uri = format!("/{}", "p".repeat(60_000)).parse().unwrap();
    let began = thread_cpu_time();
    let answer = instance.pick(&head).unwrap();
    let used = thread_cpu_time() - began;
    // In a debug build the host itself is many times slower than it is.
    assert!(used < Duration::from_millis(200), "{call}: {used:?}");
    if let Err(failed) = answer {
        assert_eq!(failed.fault.kind, FaultKind::Deadline, "{call}: {}", failed.fault);
    }
}

#[test]
fn a_long_row_of_host_calls_meets_the_deadline() {
    for (call, times) in [
        ("(drop (call $header (i32.const 0) (i32.const 16711680) (i32.const 0) (i32.const 0)))", 2_000),
        ("(drop (call $hash (i32.const 3) (i32.const 0) (i32.const 0)))", 2_000),
        ("(drop (call $hash (i32.const 1) (i32.const 0) (i32.const 16711680)))", 2_000),
        (
            "(drop (call $backend_label (i32.const 0) (i32.const 0) (i32.const 16711680) (i32.const 0) (i32.const 0)))",
            2_000,
        ),
        ("(call $log (i32.const 4) (i32.const 0) (i32.const 16711680))", 4_000),
        ("(call $fail (i32.const 0) (i32.const 16711680))", 4_000),
        ("(drop (call $request_text (i32.const 3) (i32.const 0) (i32.const 65536)))", 4_000),
        ("(drop (call $stat (i32.const 5) (i32.const 0)))", 4_000),
        ("(drop (call $random_get (i32.const 0) (i32.const 65536)))", 2_000),
        ("(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 16711676)))", 2_000),
    ] {
        check(call, times);
    }
}

#[test]
fn picks_that_ask_much_in_little_time_go_on() {
    let call = "(drop (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16)))".repeat(100);
    let content = guest(&format!(r#"(func (export "pointsman_pick") (result i64) {call} {ABSTAIN})"#));
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let mut instance = WorkerInstance::new(bench.build(&content).unwrap());
    for _ in 0..100 {
        instance.pick(&request()).unwrap().unwrap();
    }
}

#[test]
fn each_function_counts_as_one_call() {
    for function in signature::IMPORTS.iter().chain(&signature::WASI) {
        if function.name == wasi::PROC_EXIT {
            continue;
        }
        let arguments: String = function.parameters().map(|ty| format!("({ty}.const 0)")).collect();
        let call = format!("(call ${} {arguments})", function.name);
        let call = if function.result().is_some() { format!("(drop {call})") } else { call };
        let twice = guest_with("init", &format!("{call} {call} (i32.const 0)"));
        let instance =
            Bench::new(pool("api", &["a"]), PolicySettings::default()).build(&twice).expect(function.name);
        assert_eq!(instance.last_call().host_calls, 2, "{}", function.name);
    }
}
