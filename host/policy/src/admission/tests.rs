//! Every way to be refused, by the file that is.

use std::thread;
use std::time::Duration;

use super::Refusal;
use crate::engine::GuestEngine;
use crate::fault::FaultKind;
use crate::guest::Call;
use crate::settings::PolicySettings;
use crate::testing::{ABSTAIN, Bench, guest, guest_with, loader, plugin, pool};

fn refused(content: Vec<u8>) -> Refusal {
    refused_with(content, PolicySettings::default())
}

fn refused_with(content: Vec<u8>, settings: PolicySettings) -> Refusal {
    let pool = pool("api", &["a", "-b", "c"]);
    loader(1).check(pool, settings, plugin(content)).expect_err("the guest is not fit")
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn fit_guests_pass() {
    let checked = loader(1)
        .check(pool("api", &["a", "-b", "c"]), PolicySettings::default(), plugin(guest("")))
        .unwrap();
    assert_eq!(checked.size, guest("").len());
    assert!(!checked.hooks.topology && !checked.hooks.observe && !checked.hooks.tick);
    // A pool in which nothing is eligible, or nothing at all, is no obstacle.
    for backends in [&["-a"][..], &[]] {
        loader(1).check(pool("api", backends), PolicySettings::default(), plugin(guest(""))).unwrap();
    }
}

#[test]
fn the_file_itself() {
    let whole = guest("");
    assert_eq!(refused(vec![]), Refusal::Empty);
    assert_eq!(refused(whole[..whole.len() - 1].into()), Refusal::EndsEarly { found: whole.len() - 1 });
    assert!(matches!(refused(b"(module)".into()), Refusal::NotWasm { .. }));
    assert_eq!(refused(wat("(component)")), Refusal::Component);
    let ill_typed = refused(guest("(func $f (result i32) (i64.const 0))"));
    assert!(ill_typed.to_string().contains("expected i32, found i64"), "{ill_typed}");
    assert_eq!(refused(guest("(func $f) (start $f)")), Refusal::StartFunction);
    // Valid Wasm, but of a kind that is switched off.
    let simd = guest("(func (result v128) (v128.const i64x2 0 0))");
    assert!(refused(simd).to_string().contains("SIMD"));
    assert!(matches!(refused(wat("(module (memory 1) (memory 1))")), Refusal::Invalid { .. }));
}

#[test]
fn imports() {
    let import = |from: &str, name: &str, item: &str| {
        refused(wat(&format!(r#"(module (import "{from}" "{name}" {item}))"#))).to_string()
    };
    for (from, name, item, expected) in [
        (
            "wasi_snapshot_preview1",
            "path_open",
            "(func)",
            "WASI. Policies have no operating system, files or sockets",
        ),
        ("wasi:cli/stdout@0.2.0", "get-stdout", "(func)", "WASI"),
        ("pointsman_1.1", "queue", "(func)", "needs ABI 1.1, this Pointsman has 1.0; use a newer Pointsman"),
        ("pointsman_2.0", "pick", "(func)", "built for ABI 2.0"),
        ("pointsman_0.9", "pick", "(func)", "built for ABI 0.9"),
        (
            "env",
            "memcpy",
            "(func)",
            "imports `memcpy` from `env`, and policies may import from `pointsman_1.0` only. This is what clang calls",
        ),
        (
            "wasi_snapshot_preview1",
            "fd_write",
            "(func)",
            "imports `fd_write` as (); the contract says (i32, i32, i32,",
        ),
        ("wasi_unstable", "fd_write", "(func)", "WASI"),
        ("pointsman_1.0", "fd_write", "(func)", "which has no such function"),
        ("pointsman_1.0", "reboot", "(func)", "which has no such function"),
        ("pointsman_1.0", "random", "(func)", "imports `random` as (); the contract says () -> i64"),
        ("pointsman_1.0", "random", "(memory 1)", "as a memory; the contract says () -> i64"),
        ("pointsman_1.0", "memory", "(memory 1)", "no such function"),
    ] {
        let refusal = import(from, name, item);
        assert!(refusal.contains(expected), "{from} {name}: {refusal}");
    }
}

#[test]
fn exports() {
    let complete = [
        r#"(memory (export "memory") 1)"#,
        r#"(func (export "pointsman_init") (result i32) (i32.const 0))"#,
        r#"(func (export "pointsman_pick") (result i64) (i64.const 0x100000000))"#,
    ];
    for (place, name) in ["memory", "pointsman_init", "pointsman_pick"].into_iter().enumerate() {
        let mut fields = complete;
        fields[place] = "";
        let refusal = refused(wat(&format!("(module {})", fields.concat())));
        assert!(matches!(refusal, Refusal::MissingExport { name: found, .. } if found == name), "{refusal}");
    }
    let wrong = |place: usize, field: &'static str| {
        let mut fields = complete;
        fields[place] = field;
        refused(wat(&format!("(module {})", fields.concat()))).to_string()
    };
    for (place, field, expected) in [
        (0, r#"(func (export "memory"))"#, "exports `memory` as (); the contract says a 32-bit memory"),
        (1, r#"(func (export "pointsman_init"))"#, "`pointsman_init` as (); the contract says () -> i32"),
        (2, r#"(global (export "pointsman_pick") i64 (i64.const 0))"#, "`pointsman_pick` as a global"),
    ] {
        let refusal = wrong(place, field);
        assert!(refusal.contains(expected), "{refusal}");
    }
    let hook = refused(guest(r#"(func (export "pointsman_tick") (param i32))"#)).to_string();
    assert!(hook.contains("`pointsman_tick` as (i32); the contract says ()"), "{hook}");
    let misspelled =
        refused(guest(r#"(func (export "pointsman_observ") (param i32 i32 i32 i64 i64))"#)).to_string();
    assert!(
        misspelled.contains("exports `pointsman_observ`, which this Pointsman never calls: hooks are `pointsman_init`, `pointsman_pick`"),
        "{misspelled}"
    );
}

#[test]
fn memory_and_tables() {
    let large = wat(&format!(
        r#"(module (memory (export "memory") 300) (func (export "pointsman_init") (result i32) (i32.const 0))
            (func (export "pointsman_pick") (result i64) {ABSTAIN}))"#
    ));
    let (found, allowed) = (300 << 16, 16 << 20);
    assert_eq!(refused(large.clone()), Refusal::MemoryTooLarge { found, allowed });
    let settings = PolicySettings { memory: 300 << 16, ..Default::default() };
    loader(1).check(pool("api", &["a"]), settings, plugin(large)).unwrap();

    assert_eq!(
        refused(guest("(table 10001 funcref)")),
        Refusal::TableTooLarge { found: 10_001, allowed: 10_000 }
    );
    assert_eq!(refused(guest("(table 1 funcref) (table 1 funcref)")), Refusal::Tables { found: 2 });
}

#[test]
fn the_guests_own_words() {
    let says_why = guest(
        r#"(data (i32.const 8) "`tau` must be\na duration")
           (func (export "pointsman_init") (result i32) (call $fail (i32.const 8) (i32.const 24)) (i32.const 1))"#,
    );
    assert_eq!(refused(says_why), Refusal::Init { reason: "`tau` must be\\na duration".into() });
    let silent = refused(guest_with("init", "(i32.const 3)")).to_string();
    assert_eq!(silent, "the policy refuses to start: `pointsman_init` answered 3 and gave no reason");
}

/// Kind, hook and words of the fault for which a guest with this body in this hook is refused.
fn check_fault(hook: &str, body: &str, kind: FaultKind, words: &str) {
    let settings = PolicySettings { deadline: Duration::from_millis(2), ..Default::default() };
    match refused_with(guest_with(hook, body), settings) {
        Refusal::Rehearsal { fault, situation } => {
            assert_eq!((fault.kind, fault.call.name()), (kind, hook), "{body}: {fault}");
            assert!(fault.message.as_str().contains(words), "{body}: {fault}");
            assert!(!situation.is_empty());
        }
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn endless_loops_end_in_every_hook() {
    let endless = [
        ("init", "(loop $l (br $l)) (i32.const 0)"),
        ("pick", "(loop $l (br $l)) (i64.const 0)"),
        ("topology", "(loop $l (br $l))"),
        ("observe", "(loop $l (br $l))"),
        ("tick", "(loop $l (br $l))"),
        // A loop that does nothing but call the host.
        ("tick", "(loop $l (drop (call $random)) (br $l))"),
        ("tick", "(loop $l (call $log (i32.const 3) (i32.const 0) (i32.const 1000)) (br $l))"),
    ];
    for (hook, body) in endless {
        if hook == "observe" {
            // Observed is only what was picked.
            let content = guest(&format!(
                r#"(func (export "pointsman_pick") (result i64) (if (call $attempt) (then (return {ABSTAIN})))
                    (i64.const 0))
                   (func (export "pointsman_observe") (param i32 i32 i32 i64 i64) {body})"#
            ));
            let refusal = refused(content);
            assert!(
                matches!(&refusal, Refusal::Rehearsal { fault, .. }
                    if fault.kind == FaultKind::Deadline && fault.call == Call::Observe),
                "{refusal}"
            );
        } else {
            check_fault(hook, body, FaultKind::Deadline, "CPU time");
        }
    }
}

#[test]
fn traps_are_named() {
    check_fault("pick", "unreachable", FaultKind::Trap, "`unreachable` instruction executed");
    check_fault("init", "unreachable", FaultKind::Trap, "`unreachable` instruction executed");
    check_fault("topology", "unreachable", FaultKind::Trap, "`unreachable` instruction executed");
    check_fault("tick", "(drop (i32.load (i32.const -1)))", FaultKind::Trap, "out of bounds memory access");
    check_fault("tick", "(drop (i32.div_s (i32.const 1) (i32.const 0)))", FaultKind::Trap, "divide by zero");
    // Without a deadline: the stack is full long before it.
    match refused(guest(
        r#"(func $deeper (param i32) (result i32)
                (i32.add (i32.const 1) (call $deeper (i32.add (i32.const 1) (local.get 0)))))
           (func (export "pointsman_tick") (drop (call $deeper (i32.const 0))))"#,
    )) {
        Refusal::Rehearsal { fault, .. } => {
            assert_eq!(
                (fault.kind, fault.message.as_str()),
                (FaultKind::Trap, "wasm trap: call stack exhausted")
            );
            assert!(fault.backtrace.as_str().starts_with("deeper < deeper < "), "{}", fault.backtrace);
            assert!(fault.backtrace.as_str().len() < 200, "{}", fault.backtrace);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn greed_is_named() {
    check_fault(
        "tick",
        "(drop (memory.grow (i32.const 256)))",
        FaultKind::Memory,
        "asked for 16842752 bytes of memory; it may have 16777216",
    );
    check_fault(
        "init",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (i32.const 0)",
        FaultKind::Memory,
        "bytes",
    );
    let table = guest(
        r#"(table 1 funcref) (func (export "pointsman_tick") (drop (table.grow (ref.null func) (i32.const 10000))))"#,
    );
    let refusal = refused(table).to_string();
    assert!(refusal.contains("asked for 10001 table elements; it may have 10000"), "{refusal}");
}

#[test]
fn bad_verdicts_and_bad_calls_are_named() {
    for (verdict, words) in [
        ("(i64.const 3)", "picked backend 3 of 3"),
        ("(i64.const -1)", "unknown kind 4294967295"),
        ("(i64.const 1)", "picked backend 1, which isn't eligible"),
        ("(i64.const 0x2_0000_00c8)", "rejected with status 200"),
        ("(i64.const 0x5_0000_0000)", "unknown kind 5"),
        // Fine for the first attempt, wrong for every retry.
        ("(i64.const 0)", "picked backend 0, which this request has already tried"),
    ] {
        check_fault("pick", verdict, FaultKind::BadVerdict, words);
    }
    let buffer = "(drop (call $weights (i32.const 65536) (i32.const 400)))";
    check_fault("topology", buffer, FaultKind::HostRefusal, "`weights` was given 400 bytes at address 65536");
}

/// A guest whose runtime has to be prepared, once, with the host's help and with its memory known.
const PREPARED: &str = r#"
    (global $prepared (mut i32) (i32.const 0))
    (func (export "_initialize")
        (drop (call $weights (i32.const 0) (i32.const 64)))
        (global.set $prepared (i32.add (global.get $prepared) (i32.const 1))))
    (func (export "pointsman_init") (result i32) (i32.ne (global.get $prepared) (i32.const 1)))
    (func (export "pointsman_pick") (result i64)
        (if (i32.ne (global.get $prepared) (i32.const 1)) (then unreachable))
        (i64.const 0x1_0000_0000))"#;

#[test]
fn what_a_language_prepares_is_prepared_once_and_before_init() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let version = bench.compile(&guest(PREPARED)).unwrap();
    super::rehearse(&bench.engine, &version, &bench.context, 1).unwrap();
    // A program that is a library, too.
    bench.compile(&guest(&format!("{PREPARED} (func (export \"_start\") unreachable)"))).unwrap();
    let refusal = bench.compile(&guest("(func (export \"_start\"))")).unwrap_err();
    assert_eq!(refusal, Refusal::Program);
}

#[test]
fn a_backtrace_has_the_names_that_the_author_wrote() {
    let content = guest(
        r#"(func $_ZN6policy7choosesEi (param i32) unreachable)
           (func $_RNvCskwGfYPst2Cb_3foo16example_function (call $_ZN6policy7choosesEi (i32.const 0)))
           (func (export "pointsman_tick") (call $_RNvCskwGfYPst2Cb_3foo16example_function))"#,
    );
    let refusal = refused(content).to_string();
    assert!(refusal.contains("at policy::chooses(int) < foo::example_function < function "), "{refusal}");
}

#[test]
fn last_words_reach_the_refusal() {
    let content = guest(
        r#"(data (i32.const 8) "index out of bounds: src/lib.rs:7")
           (func (export "pointsman_tick") (call $log (i32.const 4) (i32.const 8) (i32.const 33)) unreachable)"#,
    );
    let refusal = refused(content).to_string();
    assert!(refusal.contains("the guest's last words: index out of bounds: src/lib.rs:7"), "{refusal}");
}

#[test]
fn a_worker_that_compiled_or_instantiated_would_be_caught() {
    let as_a_worker = |work: fn(&Bench)| {
        let worker = thread::Builder::new().name("worker-0".into()).spawn(move || {
            work(&Bench::new(pool("api", &["a"]), PolicySettings::default()));
        });
        worker.unwrap().join().is_err()
    };
    assert!(!as_a_worker(|_| {}));
    assert_eq!(as_a_worker(|bench| drop(bench.compile(&guest("")))), cfg!(debug_assertions));
    assert_eq!(as_a_worker(|bench| drop(bench.build(&guest("")))), cfg!(debug_assertions));
}

/// A guest whose hook takes about this share of its CPU time, where 1 ms is 10 million units of fuel, of which a turn takes 4.
fn busy(hook: &str, deadlines: f64) -> Vec<u8> {
    let turns = (2_500_000.0 * deadlines) as u32;
    let body = format!(
        "(local $left i32) (local.set $left (i32.const {turns}))
         (loop $l (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    );
    let answer = if hook == "pick" { ABSTAIN } else { "" };
    guest_with(hook, &format!("{body} {answer}"))
}

#[test]
fn a_busy_machine_is_no_reason_to_refuse_a_policy() {
    let settings = PolicySettings { deadline: Duration::from_millis(1), ..PolicySettings::default() };
    let mut bench = Bench::new(pool("api", &["a"]), settings);
    bench.engine = GuestEngine::deterministic().unwrap();
    let rehearse = |content: &[u8]| {
        let version = bench.compile(content).unwrap();
        super::rehearse(&bench.engine, &version, &bench.context, 1).map(drop)
    };
    // `topology` has four deadlines. What takes three times as long here as it should still passes.
    assert_eq!(rehearse(&busy("topology", 4.0 * 0.9)), Ok(()));
    assert_eq!(rehearse(&busy("topology", 4.0 * 3.0)), Ok(()));
    assert!(rehearse(&busy("topology", 4.0 * 5.0)).unwrap_err().is_deadline());
    assert_eq!(rehearse(&busy("tick", 3.0)), Ok(()));
    // A pick is far from its deadline, or every request would meet it.
    assert_eq!(rehearse(&busy("pick", 0.1)), Ok(()));
    assert!(rehearse(&busy("pick", 1.5)).unwrap_err().is_deadline());
}

#[test]
fn a_policy_that_abstains_observes_too() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let version = bench.compile(&guest_with("observe", "unreachable")).unwrap();
    let refusal = super::rehearse(&bench.engine, &version, &bench.context, 1).map(drop).unwrap_err();
    assert!(refusal.to_string().contains("trap in `observe`"), "{refusal}");
}

#[test]
fn rehearsals_leave_no_trace() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let content = guest_with(
        "pick",
        &format!("(call $cell_set (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 1)) {ABSTAIN}"),
    );
    let version = bench.compile(&content).unwrap();
    super::rehearse(&bench.engine, &version, &bench.context, 1).unwrap();
    assert_eq!(format!("{:?}", bench.context.cells), "[]");
}
