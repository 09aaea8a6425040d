//! The functions of WASI that languages' libraries link in.

use super::log::logged;
use super::*;
use crate::fault::FaultKind;
use crate::testing::guest_with;

/// The error number that a call answers.
fn errno(call: &str) -> i64 {
    Probe::new().number(&format!("(i64.extend_i32_s (call {call}))"))
}

#[test]
fn there_are_no_files_arguments_or_environment() {
    for (call, expected) in [
        ("$args_get (i32.const 0) (i32.const 0)", 0),
        ("$environ_get (i32.const 0) (i32.const 0)", 0),
        ("$fd_close (i32.const 3)", 8),
        ("$fd_fdstat_get (i32.const 1) (i32.const 0)", 8),
        ("$fd_fdstat_set_flags (i32.const 1) (i32.const 0)", 8),
        ("$fd_prestat_get (i32.const 3) (i32.const 0)", 8),
        ("$fd_prestat_dir_name (i32.const 3) (i32.const 0) (i32.const 9)", 8),
        ("$fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)", 8),
        ("$fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0)", 70),
        ("$fd_write (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)", 8),
        ("$fd_write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0)", 8),
        ("$fd_write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 0)", 28),
        ("$fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0)", 28),
        ("$random_get (i32.const 0) (i32.const 65537)", 28),
        ("$random_get (i32.const 0) (i32.const -1)", 28),
        ("$random_get (i32.const 0) (i32.const 0)", 0),
        ("$sched_yield", 0),
        ("$poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)", 52),
    ] {
        assert_eq!(errno(call), expected, "{call}");
    }
}

/// A number that a function writes to address 1024, where there are ones before.
fn written(call: &str) -> u64 {
    let (errno, memory) = Probe::new()
        .ask(&format!("(i64.store (i32.const 1024) (i64.const -1)) (i64.extend_i32_s (call {call}))"));
    assert_eq!(errno, 0, "{call}");
    u64::from_le_bytes(memory[1024..1032].try_into().unwrap())
}

#[test]
fn sizes_are_zero_and_time_is_the_contracts() {
    assert_eq!(written("$args_sizes_get (i32.const 1024) (i32.const 1028)"), 0);
    assert_eq!(written("$environ_sizes_get (i32.const 1024) (i32.const 1028)"), 0);
    assert_eq!(written("$clock_res_get (i32.const 0) (i32.const 1024)"), 1_000);
    for clock in 0..4 {
        let probe = Probe::new();
        let (errno, memory) = probe.ask(&format!(
            "(i64.store (i32.const 1032) (call $now_us))
             (i64.extend_i32_s (call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 1024)))"
        ));
        let read = |at: usize| u64::from_le_bytes(memory[at..at + 8].try_into().unwrap());
        assert_eq!((errno, read(1024)), (0, 1_000 * read(1032)), "clock {clock}");
    }
}

#[test]
fn random_bytes_fill_what_was_asked_for_and_no_more() {
    let (errno, memory) =
        Probe::new().ask("(i64.extend_i32_s (call $random_get (i32.const 1024) (i32.const 13)))");
    assert_eq!(errno, 0);
    assert!(memory[1024..1037].iter().any(|&byte| byte != 0));
    assert_eq!(memory[1037..1048], [0; 11]);
}

#[test]
fn what_is_printed_is_logged() {
    // "one " and "two\n" in one write, 8 bytes at 0 and 24.
    let data = r#"(data (i32.const 64) "one two\n")
        (data (i32.const 0) "\40\00\00\00\04\00\00\00\44\00\00\00\04\00\00\00")"#;
    let write = |file: i32| {
        format!("(drop (call $fd_write (i32.const {file}) (i32.const 0) (i32.const 2) (i32.const 128)))")
    };
    let lines = logged(&(write(1) + &write(2)), data);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].trim_start().starts_with("INFO") && lines[0].contains("policy says: one two event="),
        "{lines:?}"
    );
    assert!(lines[1].trim_start().starts_with("WARN"), "{lines:?}");
}

#[test]
fn what_a_guest_must_not_do_is_a_fault() {
    for (body, expected) in [
        ("(call $proc_exit (i32.const 3)) (i64.const 0)", "ended itself by `proc_exit(3)`"),
        (
            "(drop (call $random_get (i32.const 65530) (i32.const 100))) (i64.const 0)",
            "`random_get` was given",
        ),
        (
            "(drop (call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 0))) (i64.const 0)",
            "`fd_write` was given 8 bytes at address 65532",
        ),
        (
            "(i64.store (i32.const 8) (i64.const -1))
             (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))) (i64.const 0)",
            "`fd_write` was given 4294967295 bytes",
        ),
        (
            "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529))) (i64.const 0)",
            "`clock_time_get` was given 8 bytes",
        ),
        (
            "(drop (call $args_sizes_get (i32.const 65533) (i32.const 0))) (i64.const 0)",
            "`args_sizes_get` was given 4 bytes",
        ),
    ] {
        let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
        let mut instance = WorkerInstance::new(bench.build(&guest_with("pick", body)).unwrap());
        let fault = instance.pick(&request()).unwrap().unwrap_err().fault;
        assert_eq!(fault.kind, FaultKind::HostRefusal, "{fault}");
        assert!(fault.to_string().contains(expected), "{fault}");
    }
}
